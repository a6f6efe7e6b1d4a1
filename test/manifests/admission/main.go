// Judges pods by a ValidatingAdmissionPolicy with the CEL library that Kubernetes uses. Standard input: {policy: its spec, pods: [...]};
// output: a JSON list with, for each pod, the messages of the rules that refuse it.
package main

import (
	"encoding/json"
	"log"
	"os"

	"github.com/google/cel-go/cel"
)

type named struct{ Name, Expression string }

func main() {
	var input struct {
		Policy struct {
			MatchConditions []named
			Variables       []named
			Validations     []struct{ Expression, Message string }
		}
		Pods []map[string]any
	}
	if err := json.NewDecoder(os.Stdin).Decode(&input); err != nil {
		log.Fatal(err)
	}
	env, err := cel.NewEnv(cel.OptionalTypes(), cel.Variable("object", cel.DynType),
		cel.Variable("variables", cel.MapType(cel.StringType, cel.DynType)))
	if err != nil {
		log.Fatal(err)
	}
	verdicts := make([][]string, len(input.Pods))
	for index, pod := range input.Pods {
		verdicts[index] = []string{}
		variables := map[string]any{}
		evaluate := func(expression string) any {
			ast, issues := env.Compile(expression)
			if issues.Err() != nil {
				log.Fatal(issues.Err())
			}
			program, err := env.Program(ast)
			if err != nil {
				log.Fatal(err)
			}
			value, _, err := program.Eval(map[string]any{"object": pod, "variables": variables})
			if err != nil {
				log.Fatalf("%s: %v", expression, err)
			}
			return value.Value()
		}
		matches := true
		for _, condition := range input.Policy.MatchConditions {
			matches = matches && evaluate(condition.Expression) == true
		}
		if !matches {
			continue
		}
		for _, variable := range input.Policy.Variables {
			variables[variable.Name] = evaluate(variable.Expression)
		}
		for _, validation := range input.Policy.Validations {
			if evaluate(validation.Expression) != true {
				verdicts[index] = append(verdicts[index], validation.Message)
			}
		}
	}
	if err := json.NewEncoder(os.Stdout).Encode(verdicts); err != nil {
		log.Fatal(err)
	}
}
