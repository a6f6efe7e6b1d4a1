// Reads cases (a JSON array on standard input) as eventing-rabbitmq does, with the CloudEvents SDK that it is built on, and prints one line
// of JSON for each: what a RabbitmqSource would POST for an AMQP message, what the Broker's ingress would publish for an HTTP request, or
// the error with which either refuses.
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"time"

	cloudevents "github.com/cloudevents/sdk-go/v2"
	"github.com/cloudevents/sdk-go/v2/binding"
	"github.com/cloudevents/sdk-go/v2/binding/format"
	"github.com/cloudevents/sdk-go/v2/binding/spec"
	cehttp "github.com/cloudevents/sdk-go/v2/protocol/http"
	amqp "github.com/rabbitmq/amqp091-go"
)

// A case is an AMQP message, or an HTTP request where it has `http`.
type testCase struct {
	ContentType string
	MessageId   string
	Timestamp   *int64
	Headers     map[string]field
	Http        map[string]string
	Body        []byte
}

type result struct {
	Headers map[string]any `json:"headers,omitempty"`
	Body    []byte         `json:"body"`
	Error   string         `json:"error,omitempty"`
}

// A value of an AMQP table with its type letter.
type field struct {
	T string
	V json.RawMessage
}

func as[T any](raw json.RawMessage) T {
	var value T
	if err := json.Unmarshal(raw, &value); err != nil {
		panic(err)
	}
	return value
}

func (f field) value() any {
	switch f.T {
	case "S":
		return as[string](f.V)
	case "I":
		return as[int32](f.V)
	case "l":
		return as[int64](f.V)
	case "d":
		return as[float64](f.V)
	case "t":
		return as[bool](f.V)
	case "x":
		return as[[]byte](f.V)
	case "T":
		return time.Unix(as[int64](f.V), 0).UTC()
	case "D":
		places := as[[2]int32](f.V)
		return amqp.Decimal{Scale: uint8(places[0]), Value: places[1]}
	case "A":
		values := []any{}
		for _, each := range as[[]field](f.V) {
			values = append(values, each.value())
		}
		return values
	case "F":
		table := amqp.Table{}
		for name, each := range as[map[string]field](f.V) {
			table[name] = each.value()
		}
		return table
	}
	return nil
}

var versions = spec.WithPrefix("ce-")

// The SDK's view of an AMQP message: which headers count, by which name, is the adapter's rule (facts in the test).
type message struct {
	headers map[string]string
	body    []byte
	format  format.Format
	version spec.Version
}

func read(c testCase) *message {
	m := &message{headers: map[string]string{}, body: c.Body, format: format.Lookup(c.ContentType)}
	for name, value := range c.Headers {
		if name != "traceparent" && name != "tracestate" {
			m.headers[strings.TrimPrefix(strings.ToLower(name), "ce-")] = fmt.Sprint(value.value())
		}
	}
	if _, given := m.headers["source"]; !given {
		m.headers["source"] = "SOURCE"
	}
	if m.format == nil {
		m.version = versions.Version(m.headers["specversion"])
	}
	return m
}

func (m *message) ReadEncoding() binding.Encoding {
	switch {
	case m.format != nil:
		return binding.EncodingStructured
	case m.version != nil:
		return binding.EncodingBinary
	}
	return binding.EncodingUnknown
}

func (m *message) ReadStructured(ctx context.Context, to binding.StructuredWriter) error {
	if m.format == nil {
		return binding.ErrNotStructured
	}
	return to.SetStructuredEvent(ctx, m.format, bytes.NewReader(m.body))
}

func (m *message) ReadBinary(_ context.Context, to binding.BinaryWriter) error {
	if m.version == nil {
		return binding.ErrNotBinary
	}
	for name, value := range m.headers {
		var err error
		if name == "content-type" {
			err = to.SetAttribute(m.version.AttributeFromKind(spec.DataContentType), value)
		} else if attribute := m.version.Attribute("ce-" + name); attribute != nil {
			err = to.SetAttribute(attribute, value)
		} else if !strings.HasPrefix(name, "x-") {
			err = to.SetExtension(name, value)
		}
		if err != nil {
			return err
		}
	}
	return to.SetData(bytes.NewReader(m.body))
}

func (m *message) GetAttribute(kind spec.Kind) (spec.Attribute, any) {
	attribute := m.version.AttributeFromKind(kind)
	return attribute, m.headers[strings.TrimPrefix(attribute.PrefixedName(), "ce-")]
}

func (m *message) GetExtension(name string) any { return m.headers[name] }
func (m *message) Finish(error) error           { return nil }

func fromAmqp(ctx context.Context, c testCase) (*cloudevents.Event, error) {
	if m := read(c); m.ReadEncoding() != binding.EncodingUnknown {
		return binding.ToEvent(ctx, m)
	}
	event := cloudevents.NewEvent()
	event.SetID(c.MessageId)
	event.SetType("dev.knative.rabbitmq.event")
	event.SetSource("SOURCE")
	event.SetSubject(c.MessageId)
	if c.Timestamp != nil {
		event.SetTime(time.Unix(*c.Timestamp, 0))
	}
	return &event, event.SetData(c.ContentType, c.Body)
}

// post sends the event to a server and gives what arrived there.
func post(client cloudevents.Client, event cloudevents.Event) (r result, err error) {
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, request *http.Request) {
		r.Headers = map[string]any{}
		for name := range request.Header {
			r.Headers[strings.ToLower(name)] = request.Header.Get(name)
		}
		r.Body, _ = io.ReadAll(request.Body)
	}))
	defer server.Close()
	sent := client.Send(cloudevents.ContextWithTarget(context.Background(), server.URL), event)
	if r.Headers == nil {
		return r, sent
	}
	return r, nil
}

// publish gives the headers and the body of the message that the ingress makes of an event.
func publish(event cloudevents.Event) (result, error) {
	if err := event.Validate(); err != nil {
		return result{}, err
	}
	headers := map[string]any{
		"content-type": event.DataContentType(),
		"specversion":  event.SpecVersion(),
		"time":         cloudevents.Timestamp{Time: event.Time().UTC()}.String(),
		"id":           event.ID(),
		"type":         event.Type(),
		"source":       event.Source(),
	}
	for name, value := range map[string]string{"subject": event.Subject(), "dataschema": event.DataSchema()} {
		if value != "" {
			headers[name] = value
		}
	}
	for name, value := range event.Extensions() {
		headers[name] = value
	}
	return result{Headers: headers, Body: event.Data()}, nil
}

func carry(client cloudevents.Client, c testCase) (r result, err error) {
	// The SDK itself panics on some inputs; the adapter ends then.
	defer func() {
		if fault := recover(); fault != nil {
			err = fmt.Errorf("panic: %v", fault)
		}
	}()
	ctx := context.Background()
	if c.Http == nil {
		event, err := fromAmqp(ctx, c)
		if err != nil {
			return result{}, err
		}
		return post(client, *event)
	}
	request, err := http.NewRequest(http.MethodPost, "/", bytes.NewReader(c.Body))
	if err != nil {
		return result{}, err
	}
	for name, value := range c.Http {
		request.Header.Set(name, value)
	}
	event, err := binding.ToEvent(ctx, cehttp.NewMessageFromHttpRequest(request))
	if err != nil {
		return result{}, err
	}
	return publish(*event)
}

func main() {
	var cases []testCase
	if err := json.NewDecoder(os.Stdin).Decode(&cases); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	client, err := cloudevents.NewClientHTTP()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	lines := json.NewEncoder(os.Stdout)
	for _, c := range cases {
		r, err := carry(client, c)
		if err != nil {
			r = result{Error: err.Error()}
		}
		if err := lines.Encode(r); err != nil {
			os.Exit(1)
		}
	}
}
