//! TLS towards the collector: which certificates it may show, and which one we show.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use thiserror::Error;
use tonic::transport::{Certificate, ClientTlsConfig, Identity};

use crate::exporter::resolve::CONNECT_MAX;

/// The certificates of an encrypted connection; all of it is optional.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tls {
    /// PEM file of the authorities to trust; the system's without it.
    pub ca_file: Option<PathBuf>,
    /// PEM file of the certificate we show; needs `key_file`.
    pub cert_file: Option<PathBuf>,
    /// PEM file of its key; needs `cert_file`.
    pub key_file: Option<PathBuf>,
    /// The name the collector's certificate must be for, where it is not the endpoint's host.
    pub server_name: Option<String>,
}

/// Why TLS cannot be set up.
#[derive(Debug, Error)]
pub enum TlsError {
    /// A file cannot be read.
    #[error("cannot read upstream.tls.{key} {}: {error}", path.display())]
    Unreadable {
        /// The key it stands under.
        key: &'static str,
        /// Where it should be.
        path: PathBuf,
        /// What the system says.
        error: io::Error,
    },
    /// A file holds no PEM block of the kind its key is for.
    #[error("upstream.tls.{key} {} holds no PEM block '{wanted}'", path.display())]
    NotPem {
        /// The key it stands under.
        key: &'static str,
        /// Where it is.
        path: PathBuf,
        /// What a line of it should say.
        wanted: &'static str,
    },
    /// Half of a certificate and its key.
    #[error("upstream.tls.cert_file and upstream.tls.key_file go together; {0} is missing")]
    HalfIdentity(&'static str),
    /// rustls does not like what it was given.
    #[error("TLS to the upstream cannot be set up: {0}; without system certificates set upstream.tls.ca_file")]
    Unusable(String),
}

impl Tls {
    /// Reads the files and makes the client's side of TLS of them.
    pub(crate) fn load(&self) -> Result<ClientTlsConfig, TlsError> {
        let mut config = ClientTlsConfig::new().timeout(CONNECT_MAX);
        config = match &self.ca_file {
            Some(path) => config.ca_certificate(Certificate::from_pem(read("ca_file", path, "CERTIFICATE")?)),
            None => config.with_native_roots(),
        };
        if let Some(name) = &self.server_name {
            config = config.domain_name(name);
        }
        match (&self.cert_file, &self.key_file) {
            (Some(cert), Some(key)) => {
                let cert = read("cert_file", cert, "CERTIFICATE")?;
                let key = read("key_file", key, "PRIVATE KEY")?;
                Ok(config.identity(Identity::from_pem(cert, key)))
            }
            (None, None) => Ok(config),
            (Some(_), None) => Err(TlsError::HalfIdentity("key_file")),
            (None, Some(_)) => Err(TlsError::HalfIdentity("cert_file")),
        }
    }
}

fn read(key: &'static str, path: &Path, wanted: &'static str) -> Result<Vec<u8>, TlsError> {
    let bytes = fs::read(path).map_err(|error| TlsError::Unreadable { key, path: path.to_owned(), error })?;
    // rustls skips what is not PEM in silence, and an empty list of authorities only fails at the first handshake.
    let text = String::from_utf8_lossy(&bytes);
    let found = text.lines().any(|line| line.starts_with("-----BEGIN ") && line.contains(wanted));
    match found {
        true => Ok(bytes),
        false => Err(TlsError::NotPem { key, path: path.to_owned(), wanted }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wrong_files_are_named_with_their_key() {
        let nowhere = Tls { ca_file: Some("/nowhere/ca.pem".into()), ..Tls::default() };
        let message = nowhere.load().expect_err("no such file").to_string();
        assert!(message.starts_with("cannot read upstream.tls.ca_file /nowhere/ca.pem: "), "{message}");
        let manifest =
            Tls { ca_file: Some(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml").into()), ..Tls::default() };
        let message = manifest.load().expect_err("no PEM").to_string();
        assert!(message.contains("ca_file") && message.ends_with("holds no PEM block 'CERTIFICATE'"), "{message}");
    }

    #[test]
    fn a_certificate_without_its_key_is_refused() {
        let half = Tls { cert_file: Some("cert.pem".into()), ..Tls::default() };
        assert!(matches!(half.load(), Err(TlsError::HalfIdentity("key_file"))));
        let half = Tls { key_file: Some("key.pem".into()), ..Tls::default() };
        assert!(matches!(half.load(), Err(TlsError::HalfIdentity("cert_file"))));
    }
}
