//! `upstream:` the collector the kept spans go to.

use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;

use crate::config::duration::Span;
use crate::config::layers::Layered;
use crate::config::node::{Entry, Node, Value};
use crate::config::problem::Problem;
use crate::config::reference::{Key, Kind};
use crate::exporter::{self, Endpoint};

/// How requests to the collector are packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Compression {
    /// As they are.
    None,
    /// gzip.
    Gzip,
}

/// How a `https://` collector is trusted, and how it knows us.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TlsConfig {
    /// Roots in PEM; none are the system's.
    pub ca_file: Option<PathBuf>,
    /// Our certificate chain in PEM.
    pub cert_file: Option<PathBuf>,
    /// Our key in PEM.
    pub key_file: Option<PathBuf>,
    /// The name expected in the collector's certificate; none is the endpoint's host.
    pub server_name: Option<String>,
}

/// The collector the kept spans go to, as meant.
#[derive(Clone, PartialEq)]
pub struct UpstreamConfig {
    /// `http://host:port` or `https://host:port`. Empty only where a file is validated that leaves it to the environment;
    /// `run` refuses that.
    pub endpoint: String,
    /// How requests are packed.
    pub compression: Compression,
    /// Longest one attempt may take.
    pub timeout: Duration,
    /// Longest a batch is tried, counted from its cutting.
    pub max_age: Duration,
    /// Sent with every request; names in lower case.
    pub headers: Vec<(String, String)>,
    /// Used for `https://`.
    pub tls: TlsConfig,
    /// Requests out at once, 1 to 4.
    pub concurrency: usize,
}

impl std::fmt::Debug for UpstreamConfig {
    /// Header values are secrets: only their names are shown.
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let UpstreamConfig { endpoint, compression, timeout, max_age, headers, tls, concurrency } = self;
        out.debug_struct("UpstreamConfig")
            .field("endpoint", endpoint)
            .field("compression", compression)
            .field("timeout", timeout)
            .field("max_age", max_age)
            .field("headers", &headers.iter().map(|(name, _)| name).collect::<Vec<_>>())
            .field("tls", tls)
            .field("concurrency", concurrency)
            .finish()
    }
}

impl UpstreamConfig {
    /// What was asked for; the endpoint is empty where nobody said.
    pub(super) fn meant(layered: &Layered, problems: &mut Vec<Problem>) -> UpstreamConfig {
        let file = |key: &str| layered.find::<PathBuf>(&format!("upstream.tls.{key}"));
        let config = UpstreamConfig {
            endpoint: layered.find::<String>("upstream.endpoint").as_deref().map(with_port).unwrap_or_default(),
            compression: layered.get("upstream.compression"),
            timeout: layered.get::<Span>("upstream.timeout").0,
            max_age: layered.get::<Span>("upstream.max_age").0,
            headers: layered.texts("upstream.headers"),
            tls: TlsConfig {
                ca_file: file("ca_file"),
                cert_file: file("cert_file"),
                key_file: file("key_file"),
                server_name: layered.find("upstream.tls.server_name"),
            },
            concurrency: layered.get("upstream.concurrency"),
        };
        config.contradictions(layered, problems);
        config
    }

    fn contradictions(&self, layered: &Layered, problems: &mut Vec<Problem>) {
        let written = |path: &str| layered.node(path).map(|node| node.at);
        if let (Some(_), None) | (None, Some(_)) = (&self.tls.cert_file, &self.tls.key_file) {
            let at = written("upstream.tls.cert_file").or(written("upstream.tls.key_file"));
            let message = "`upstream.tls.cert_file` and `upstream.tls.key_file` go together, and one is missing";
            problems.push(
                Problem::at(at, message)
                    .help("set both, or neither: a collector that asks for no certificate needs none"),
            );
        }
        if self.max_age < self.timeout {
            let at = written("upstream.max_age").or(written("upstream.timeout"));
            let message = format!(
                "`upstream.max_age` ({}) is less than `upstream.timeout` ({}): the first attempt would outlive its batch",
                Span(self.max_age),
                Span(self.timeout)
            );
            problems.push(Problem::at(at, message).help(format!("at least {}", Span(self.timeout))));
        }
    }
}

/// Headers with their names in lower case, as HTTP/2 sends them, so that one name is one header in every source.
pub(super) fn lower_names(mut node: Node) -> Node {
    if let Value::Map(entries) = &mut node.value {
        entries.iter_mut().for_each(|entry| entry.key.make_ascii_lowercase());
    }
    node
}

/// A URL and what stands behind its port, which begins with a slash unless there is nothing.
pub(super) fn split_path(url: &str) -> (&str, &str) {
    let authority = url.find("://").map_or(0, |at| at + 3);
    url.split_at(url[authority..].find(['/', '?', '#']).map_or(url.len(), |at| authority + at))
}

/// The URL with its port said, and without what stands behind it.
fn with_port(endpoint: &str) -> String {
    Endpoint::parse(split_path(endpoint).0).map_or_else(|_| endpoint.to_owned(), |endpoint| endpoint.to_string())
}

/// Whether a text is a collector's URL, and if not, why.
pub(super) fn check_endpoint(node: &Node, text: &str) -> Result<(), Problem> {
    let expects = Kind::Endpoint.expects();
    if text.contains('@') {
        let problem = Problem::at(node.at, "`upstream.endpoint` holds a user or password, which gRPC has no place for");
        return Err(problem.help("send it as a header: `upstream.headers: {authorization: \"Basic ...\"}`").hidden());
    }
    if text.trim().is_empty() {
        return Err(Problem::at(node.at, "`upstream.endpoint` is empty").help(expects));
    }
    if !text.contains("://") {
        let problem = Problem::at(node.at, format!("`upstream.endpoint`: \"{text}\" has no scheme"));
        return Err(problem.help(format!("\"http://{text}\", or \"https://{text}\" with TLS")));
    }
    let (url, path) = split_path(text);
    if Endpoint::parse(url).is_err() {
        return Err(
            Problem::at(node.at, format!("`upstream.endpoint`: \"{url}\" is not a collector's URL")).help(expects)
        );
    }
    if !matches!(path, "" | "/") {
        let problem = Problem::at(node.at, format!("`upstream.endpoint`: \"{url}\" has a path, and gRPC has its own"));
        let problem = problem.help(format!("\"{}\"", with_port(text)));
        // What follows a path may be a key that is nobody else's business.
        return Err(if path.contains(['?', '#']) { problem.hidden() } else { problem });
    }
    Ok(())
}

/// What is wrong with a map of headers.
pub(super) fn check_headers(node: &Node) -> Vec<Problem> {
    let Some(entries) = node.entries() else {
        let message = format!("`upstream.headers` cannot be {}", node.kind());
        return vec![Problem::at(node.at, message).help(Kind::Headers.expects()).hidden()];
    };
    let mut problems = Vec::new();
    for (index, entry) in entries.iter().enumerate() {
        let name = entry.key.to_ascii_lowercase();
        let twice = entries[..index].iter().any(|other| other.key.eq_ignore_ascii_case(&name));
        problems.extend(check_header_name(entry, &name, twice));
        let value = entry.node.text().filter(|text| http::HeaderValue::from_str(text).is_ok());
        if value.is_none() {
            problems.push(
                Problem::at(entry.node.at, format!("the value of {} is not one line of text", shown(&name)))
                    .help("printable text, in quotes")
                    .hidden(),
            );
        }
    }
    problems
}

fn check_header_name(entry: &Entry, name: &str, twice: bool) -> Option<Problem> {
    let wrong = |message: String, help| Some(Problem::at(entry.key_at, message).help(help).hidden());
    if http::HeaderName::from_bytes(name.as_bytes()).is_err() {
        // It may be a value whose name is missing, so it is not repeated.
        let help = "letters, digits and `-`, then `: ` and the value in quotes";
        return wrong("what stands here is not the name of a header".into(), help);
    }
    if exporter::is_reserved(name) {
        let help = "leave it out: the protocol writes it with every request";
        return wrong(format!("the header `{name}` is the protocol's own"), help);
    }
    if twice {
        let help = "remove one of the two; upper and lower case are the same name";
        return wrong(format!("the header `{name}` stands here twice"), help);
    }
    None
}

/// A header by its name, if it is one.
fn shown(name: &str) -> String {
    match http::HeaderName::from_bytes(name.as_bytes()) {
        Ok(name) => format!("the header `{name}`"),
        Err(_) => "a header".into(),
    }
}

/// The keys of this section.
pub(super) const KEYS: &[Key] = &[
    Key {
        path: "upstream.endpoint",
        kind: Kind::Endpoint,
        default: None,
        doc: "The collector, by OTLP/gRPC: http://host:port or https://host:port; the port is 4317 unless said. Also \
              --upstream, and OTEL_EXPORTER_OTLP_TRACES_ENDPOINT or OTEL_EXPORTER_OTLP_ENDPOINT. Required.",
    },
    Key {
        path: "upstream.compression",
        kind: Kind::Choice(&["none", "gzip"]),
        default: Some("none"),
        doc: "How requests are packed. Inside a cluster the network is cheaper than the CPU that gzip takes: with everything \
              kept it is 2.3 times that of a relay that looks at nothing, instead of 1.4 (tests/bench/runs); spans that are \
              alike, as there, shrink to a twentieth of their bytes.",
    },
    Key {
        path: "upstream.timeout",
        kind: Kind::Duration { min: 10, max: 600_000 },
        default: Some("10s"),
        doc: "Longest one attempt may take.",
    },
    Key {
        path: "upstream.max_age",
        kind: Kind::Duration { min: 100, max: 86_400_000 },
        default: Some("10m"),
        doc: "Longest a request is tried, counted from its cutting; then its spans are dropped as expired.",
    },
    Key {
        path: "upstream.headers",
        kind: Kind::Headers,
        default: Some("{}"),
        doc: "Sent with every request, such as {authorization: \"Bearer abc\"}. Values are never shown.",
    },
    Key {
        path: "upstream.concurrency",
        kind: Kind::Integer { min: 1, max: 4 },
        default: Some("4"),
        doc: "Requests out at the collector at once.",
    },
    Key {
        path: "upstream.tls.ca_file",
        kind: Kind::Text,
        default: None,
        doc: "PEM file with the roots that a https collector is checked against; the system's unless said. `run` and \
              `validate` read it, and what is wrong with it is a wrong configuration; only `validate FILE` takes it for \
              a file of another machine and warns when it is not here.",
    },
    Key {
        path: "upstream.tls.cert_file",
        kind: Kind::Text,
        default: None,
        doc: "PEM file with our own certificate chain, where the collector asks for one; goes with key_file.",
    },
    Key { path: "upstream.tls.key_file", kind: Kind::Text, default: None, doc: "PEM file with the key to cert_file." },
    Key {
        path: "upstream.tls.server_name",
        kind: Kind::ServerName,
        default: None,
        doc: "The name expected in the collector's certificate; the endpoint's host unless said.",
    },
];
