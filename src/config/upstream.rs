//! `upstream:` the collector the kept spans go to.

use std::path::PathBuf;
use std::time::Duration;

/// How requests to the collector are packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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
