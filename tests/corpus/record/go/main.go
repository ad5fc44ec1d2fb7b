// One recording session of the real Go SDK: client grpc|http ENDPOINT. Resource and times are given, so nothing of this machine is sent.
package main

import (
	"context"
	"errors"
	"log"
	"os"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracegrpc"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/sdk/resource"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
)

func main() {
	ctx := context.Background()
	var client otlptrace.Client
	if os.Args[1] == "grpc" {
		client = otlptracegrpc.NewClient(otlptracegrpc.WithEndpoint(os.Args[2]), otlptracegrpc.WithInsecure())
	} else {
		client = otlptracehttp.NewClient(otlptracehttp.WithEndpointURL(os.Args[2] + "/v1/traces"))
	}
	exporter, err := otlptrace.New(ctx, client)
	if err != nil {
		log.Fatal(err)
	}
	provider := sdk.NewTracerProvider(
		sdk.WithBatcher(exporter, sdk.WithBatchTimeout(10*time.Minute)),
		sdk.WithResource(resource.NewSchemaless(attribute.String("service.name", "frame-grabber"), attribute.String("service.version", "0.3.0"))),
	)
	tracer := provider.Tracer("frame_grabber", trace.WithInstrumentationVersion("0.3.0"))
	start := time.Date(2026, 11, 20, 10, 0, 0, 0, time.UTC)
	for i := range 24 {
		grab(tracer, start.Add(time.Duration(i)*180*time.Millisecond), i)
	}
	if err := provider.Shutdown(ctx); err != nil {
		log.Fatal(err)
	}
}

func grab(tracer trace.Tracer, at time.Time, i int) {
	ctx, root := tracer.Start(context.Background(), "grab_frame", trace.WithTimestamp(at), trace.WithSpanKind(trace.SpanKindConsumer),
		trace.WithAttributes(attribute.Int("frame.index", i), attribute.Bool("frame.key", i%6 == 0), attribute.Float64Slice("frame.gain", []float64{1, 0.5})))
	took := time.Duration(12+2*i) * time.Millisecond
	if i == 9 {
		took = 640 * time.Millisecond
	}
	_, decode := tracer.Start(ctx, "decode_frame", trace.WithTimestamp(at.Add(time.Millisecond)),
		trace.WithLinks(trace.Link{SpanContext: root.SpanContext(), Attributes: []attribute.KeyValue{attribute.String("link.kind", "same frame")}}))
	if i == 4 {
		decode.RecordError(errors.New("jpeg: short segment"), trace.WithTimestamp(at.Add(took/2)))
		decode.SetStatus(codes.Error, "jpeg: short segment")
	}
	decode.End(trace.WithTimestamp(at.Add(took)))
	root.End(trace.WithTimestamp(at.Add(took + time.Millisecond)))
}
