// Decodes documents (a JSON array on standard input) of group rabbitmq.com into the messaging topology operator's own types, refusing
// unknown fields; prints one line for each fault.
package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"

	topology "github.com/rabbitmq/messaging-topology-operator/api/v1beta1"
)

var kinds = map[string]func() any{
	"Binding":         func() any { return &topology.Binding{} },
	"Exchange":        func() any { return &topology.Exchange{} },
	"Permission":      func() any { return &topology.Permission{} },
	"Policy":          func() any { return &topology.Policy{} },
	"Queue":           func() any { return &topology.Queue{} },
	"TopicPermission": func() any { return &topology.TopicPermission{} },
	"User":            func() any { return &topology.User{} },
}

func main() {
	var documents []json.RawMessage
	if err := json.NewDecoder(os.Stdin).Decode(&documents); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	for _, document := range documents {
		var head struct {
			APIVersion string
			Kind       string
			Metadata   struct{ Name string }
		}
		if err := json.Unmarshal(document, &head); err != nil {
			fmt.Println(err)
			continue
		}
		kind, known := kinds[head.Kind]
		if !known || head.APIVersion != "rabbitmq.com/v1beta1" {
			fmt.Printf("%s %s: no schema for %s\n", head.Kind, head.Metadata.Name, head.APIVersion)
			continue
		}
		decoder := json.NewDecoder(bytes.NewReader(document))
		decoder.DisallowUnknownFields()
		if err := decoder.Decode(kind()); err != nil {
			fmt.Printf("%s %s: %v\n", head.Kind, head.Metadata.Name, err)
		}
	}
}
