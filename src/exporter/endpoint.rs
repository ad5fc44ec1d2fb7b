//! Where the collector is: scheme, host and port of an OTLP/gRPC endpoint, checked once when it is read.

use std::fmt;

use http::Uri;

/// The address of a collector's OTLP/gRPC door.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    tls: bool,
    host: String,
    port: u16,
}

impl Endpoint {
    /// Reads `http://host:port` (plaintext) or `https://host:port` (TLS); without a port it is 4317, OTLP/gRPC's own.
    ///
    /// The error says what is wrong and what would be right. An address without a scheme is refused, because the
    /// OpenTelemetry specification takes it for TLS and most people who write it mean plaintext.
    pub fn parse(text: &str) -> Result<Endpoint, String> {
        let (scheme, rest) = text.trim().split_once("://").ok_or_else(|| no_scheme(text))?;
        let tls = match scheme.to_ascii_lowercase().as_str() {
            "http" => false,
            "https" => true,
            _ => return Err(format!("'{scheme}' is no scheme for OTLP/gRPC; write http://… or https://…")),
        };
        Endpoint::after_scheme(tls, rest)
    }

    /// Whether the connection is encrypted.
    pub fn tls(&self) -> bool {
        self.tls
    }

    /// The name or address, without the brackets of an IPv6 address.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port.
    pub fn port(&self) -> u16 {
        self.port
    }

    fn after_scheme(tls: bool, rest: &str) -> Result<Endpoint, String> {
        let scheme = if tls { "https" } else { "http" };
        let (authority, path) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
        if !matches!(path, "" | "/") {
            return Err(format!(
                "OTLP/gRPC has no path, but the endpoint has '{path}'; write {scheme}://{authority} with the collector's \
                 gRPC port (4317 by default; 4318 is OTLP/HTTP)"
            ));
        }
        if authority.contains('@') {
            return Err("an endpoint has no user name or password; set upstream.headers instead".to_owned());
        }
        let wrong = || format!("'{authority}' is no host and port; write {scheme}://host:4317");
        let uri: Uri = format!("{scheme}://{authority}/").parse().map_err(|_| wrong())?;
        let parsed = uri.authority().ok_or_else(wrong)?;
        let host = parsed.host().trim_start_matches('[').trim_end_matches(']');
        // The parser lets a port that is no number pass as if it were not there.
        let port_given = !authority.ends_with(parsed.host());
        let port = match parsed.port_u16() {
            Some(port) if port != 0 => port,
            None if !port_given => PORT,
            _ => return Err(wrong()),
        };
        if host.is_empty() {
            return Err(wrong());
        }
        Ok(Endpoint { tls, host: host.to_owned(), port })
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.tls { "https" } else { "http" };
        match self.host.contains(':') {
            true => write!(f, "{scheme}://[{}]:{}", self.host, self.port),
            false => write!(f, "{scheme}://{}:{}", self.host, self.port),
        }
    }
}

fn no_scheme(text: &str) -> String {
    let text = text.trim();
    format!(
        "'{text}' has no scheme; write http://{text} for plaintext or https://{text} for TLS (the OpenTelemetry \
         specification would take it for TLS)"
    )
}

/// OTLP/gRPC's registered port.
const PORT: u16 = 4317;

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expect: &str) {
        match Endpoint::parse(text) {
            Ok(endpoint) => assert_eq!(endpoint.to_string(), expect, "{text}"),
            Err(message) => assert!(message.contains(expect), "{text}: {message}"),
        }
    }

    #[test]
    fn an_endpoint_is_scheme_host_and_port() {
        check("http://jaeger-collector.tracing:4317", "http://jaeger-collector.tracing:4317");
        check(" HTTPS://collector/ ", "https://collector:4317");
        check("http://[::1]:4317", "http://[::1]:4317");
        check("http://[::1]", "http://[::1]:4317");
        check("http://10.0.0.1:80", "http://10.0.0.1:80");
    }

    #[test]
    fn a_wrong_endpoint_is_told_what_would_be_right() {
        check("collector:4317", "http://collector:4317 for plaintext or https://collector:4317 for TLS");
        check("grpc://collector:4317", "write http://");
        check("http://collector:4318/v1/traces", "OTLP/gRPC has no path");
        check("http://user:secret@collector:4317", "upstream.headers");
        for text in
            ["http://", "http://:4317", "http://a b:1", "http://a:70000", "http://a:0", "http://a:", "http://[::1"]
        {
            check(text, "write http://host:4317");
        }
        assert!(!Endpoint::parse("http://user:secret@collector").expect_err("refused").contains("secret"));
    }
}
