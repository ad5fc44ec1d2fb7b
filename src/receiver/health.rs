//! `grpc.health.v1` on every port, by tonic-health: serving until the door closes.

use std::pin::Pin;

use ::http::{Request, Response};
use hyper::body::Incoming;
use tonic_health::ServingStatus;
use tonic_health::pb::health_server::{Health as Service, HealthServer};
use tonic_health::server::HealthReporter;
use tower::Service as _;

use crate::receiver::answer::Answer;

/// The path under which the health service answers.
pub(super) const PREFIX: &str = "/grpc.health.v1.Health/";

/// The trace service's name, which may be asked for as well as the whole server's, the empty one.
const TRACES: &str = "opentelemetry.proto.collector.trace.v1.TraceService";

type Future = Pin<Box<dyn std::future::Future<Output = Response<Answer>> + Send>>;

/// The health service. Calls of it are rare, so its futures are boxed and do not widen those of exports.
pub(super) struct Health {
    reporter: HealthReporter,
    call: Box<dyn Fn(Request<Incoming>) -> Future + Send + Sync>,
}

impl Health {
    /// Serving the whole server; [`Health::begin`] adds the trace service.
    pub(super) fn new() -> Health {
        let (reporter, server) = tonic_health::server::health_reporter();
        Health { reporter, call: handler(server) }
    }

    /// Says that the trace service is served.
    pub(super) async fn begin(&self) {
        self.reporter.set_service_status(TRACES, ServingStatus::Serving).await;
    }

    /// Says that no new calls are taken; watchers are told.
    pub(super) async fn end(&self) {
        for name in ["", TRACES] {
            self.reporter.set_service_status(name, ServingStatus::NotServing).await;
        }
    }

    /// Answers a call.
    pub(super) async fn call(&self, request: Request<Incoming>) -> Response<Answer> {
        (self.call)(request).await
    }
}

fn handler<S: Service>(server: HealthServer<S>) -> Box<dyn Fn(Request<Incoming>) -> Future + Send + Sync> {
    Box::new(move |request| {
        let mut server = server.clone();
        Box::pin(async move {
            match server.call(request).await {
                Ok(response) => response.map(Answer::Health),
                Err(never) => match never {},
            }
        })
    })
}
