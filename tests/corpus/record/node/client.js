// One recording session of the real Node SDK: node client.js grpc|http ENDPOINT. Resource, times and stacks are given, so nothing of this machine is sent.
'use strict';
const { trace, context, SpanKind, SpanStatusCode, TraceFlags, ROOT_CONTEXT } = require('@opentelemetry/api');
const { NodeTracerProvider, BatchSpanProcessor } = require('@opentelemetry/sdk-trace-node');
const { resourceFromAttributes } = require('@opentelemetry/resources');

const [protocol, endpoint] = process.argv.slice(2);
const { OTLPTraceExporter } = require(protocol === 'grpc' ? '@opentelemetry/exporter-trace-otlp-grpc' : '@opentelemetry/exporter-trace-otlp-proto');
const exporter = new OTLPTraceExporter({ url: protocol === 'grpc' ? endpoint : endpoint + '/v1/traces' });
const provider = new NodeTracerProvider({
  resource: resourceFromAttributes({ 'service.name': 'hand-gesture-web', 'service.version': '2.1.0', 'deployment.environment': 'production' }),
  spanProcessors: [new BatchSpanProcessor(exporter, { maxExportBatchSize: 512, scheduledDelayMillis: 600000 })],
});
const tracer = provider.getTracer('hand-gesture-web', '2.1.0');
let now = Date.UTC(2026, 10, 20, 10, 0, 0);

function camera(i) {
  const remote = i % 4 === 3;
  const parent = remote
    ? trace.setSpanContext(ROOT_CONTEXT, { traceId: `5b8aa5a2d2c872e8321cf37308d69d${(16 + i).toString(16)}`, spanId: `051581bf3cb55c${(16 + i).toString(16)}`, traceFlags: TraceFlags.SAMPLED, isRemote: true })
    : ROOT_CONTEXT;
  const root = tracer.startSpan('GET /camera', { kind: SpanKind.SERVER, startTime: now, attributes: { 'http.request.method': 'GET', 'url.path': '/camera', 'http.response.status_code': i === 5 ? 502 : 200 } }, parent);
  const inside = trace.setSpan(parent, root);
  const call = tracer.startSpan('POST /predict', { kind: SpanKind.CLIENT, startTime: now + 2, attributes: { 'server.address': 'hand-gesture-api', 'server.port': 8000, 'retry.counts': [0, 1] } }, inside);
  const took = i === 8 ? 812 : 24 + 3 * i;
  if (i === 5) {
    const error = new Error('upstream closed the connection');
    error.stack = 'Error: upstream closed the connection\n    at predict (/app/server.js:41:11)';
    call.recordException(error, now + took);
    call.setStatus({ code: SpanStatusCode.ERROR, message: error.message });
    root.setStatus({ code: SpanStatusCode.ERROR });
  }
  call.end(now + took);
  root.end(now + took + 3);
  now += 150;
}

for (let i = 0; i < 24; i++) camera(i);
provider.forceFlush().then(() => provider.shutdown());
void context;
