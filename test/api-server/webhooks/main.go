// Webhooks reads Knative's objects (a JSON array on standard input) and prints what its own admission webhooks would refuse in them, after
// they have set their defaults; a line for each fault.
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"os"

	eventing "knative.dev/eventing/pkg/apis/eventing/v1"
	"knative.dev/eventing/pkg/apis/feature"
	sources "knative.dev/eventing/pkg/apis/sources/v1"
	"knative.dev/pkg/apis"
	serving "knative.dev/serving/pkg/apis/serving/v1"
	mapping "knative.dev/serving/pkg/apis/serving/v1beta1"
)

type admitted interface {
	apis.Defaultable
	apis.Validatable
}

// kinds makes an empty object of each kind that this project has and Knative admits.
var kinds = map[string]func() admitted{
	"serving.knative.dev/v1 Service":            func() admitted { return &serving.Service{} },
	"serving.knative.dev/v1beta1 DomainMapping": func() admitted { return &mapping.DomainMapping{} },
	"eventing.knative.dev/v1 Broker":            func() admitted { return &eventing.Broker{} },
	"eventing.knative.dev/v1 Trigger":           func() admitted { return &eventing.Trigger{} },
	"sources.knative.dev/v1 PingSource":         func() admitted { return &sources.PingSource{} },
}

func main() {
	input, err := io.ReadAll(os.Stdin)
	if err != nil {
		log.Fatal(err)
	}
	var documents []json.RawMessage
	if err := json.Unmarshal(input, &documents); err != nil {
		log.Fatal(err)
	}
	// As an installation has them that changed nothing: delivery.timeout is on.
	flags, err := feature.NewFlagsConfigFromMap(map[string]string{})
	if err != nil {
		log.Fatal(err)
	}
	ctx := apis.WithinCreate(feature.ToContext(context.Background(), flags))
	for _, document := range documents {
		var head struct {
			APIVersion, Kind string
			Metadata         struct{ Name string }
		}
		if err := json.Unmarshal(document, &head); err != nil {
			log.Fatal(err)
		}
		make, known := kinds[head.APIVersion+" "+head.Kind]
		if !known {
			log.Fatalf("no webhook for %s %s", head.APIVersion, head.Kind)
		}
		object := make()
		decoder := json.NewDecoder(bytes.NewReader(document))
		decoder.DisallowUnknownFields()
		if err := decoder.Decode(object); err != nil {
			fmt.Printf("%s/%s: %v\n", head.Kind, head.Metadata.Name, err)
			continue
		}
		object.SetDefaults(ctx)
		if fault := object.Validate(ctx); fault != nil {
			fmt.Printf("%s/%s: %v\n", head.Kind, head.Metadata.Name, fault)
		}
	}
}
