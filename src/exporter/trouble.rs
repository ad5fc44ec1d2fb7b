//! Why the collector could not be reached, told apart far enough that a person knows which key to change.

use std::error::Error;
use std::fmt;
use std::io;

use http::StatusCode;

use crate::exporter::answer::{Status, escape};
use crate::exporter::resolve::{Sight, Stage};

/// One way in which an upstream can be wrong or down.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// The name has no address.
    NameUnknown(String),
    /// Nobody listens there.
    Refused,
    /// No way there; the text is the system's.
    Unreachable(String),
    /// Neither the name service nor the address answered in time.
    ConnectTimeout,
    /// `https://` to a port that speaks plaintext.
    PlaintextPort,
    /// `http://` to a port that speaks TLS.
    TlsPort,
    /// TLS on both sides, but they do not agree; the text is rustls'.
    Tls(String),
    /// Something answers, but not with gRPC; the text says what it was.
    NotGrpc(String),
    /// Connected, sent, and no answer in time.
    Timeout,
    /// The connection was there, but for so long nothing we sent was even received that the system gave it up.
    Vanished,
    /// The other side hung up on us before it said a word: what a TLS port of a Go server does with plaintext, and a proxy
    /// with nobody behind it.
    HungUp,
    /// The connection ended without an answer; the text is the connection's.
    Lost(String),
    /// The collector, or a proxy before it, says that it is unavailable; the text is its message.
    Unavailable(String),
}

impl Trouble {
    /// What a failed call and what was seen of its connection add up to.
    pub fn of_failure(tls: bool, timed_out: bool, sight: &Sight, error: &(dyn Error + 'static)) -> Trouble {
        match &sight.stage {
            Stage::NameUnknown(text) => Trouble::NameUnknown(text.clone()),
            Stage::Refused => Trouble::Refused,
            Stage::Unreachable(text) => Trouble::Unreachable(text.clone()),
            Stage::Idle | Stage::Resolving | Stage::Dialing => Trouble::ConnectTimeout,
            Stage::Connected => of_connection(tls, late(timed_out, error), &sight.first, &chain(error)),
        }
    }

    /// An answer by HTTP alone.
    pub fn of_http(status: StatusCode, content_type: &str) -> Trouble {
        match status.as_u16() {
            429 | 502 | 503 | 504 => Trouble::Unavailable(format!("HTTP {status}")),
            _ => Trouble::NotGrpc(format!("HTTP {status}, content type '{content_type}'")),
        }
    }

    /// A status that speaks for the whole collector.
    pub fn of_status(status: &Status) -> Trouble {
        match status.code {
            tonic::Code::DeadlineExceeded => Trouble::Timeout,
            _ => Trouble::Unavailable(status.message.clone()),
        }
    }

    /// Whether what answered cannot have understood a call that was sent whole, so that nothing was taken.
    pub fn rules_delivery_out(&self) -> bool {
        match self {
            Trouble::PlaintextPort | Trouble::TlsPort | Trouble::NotGrpc(_) => true,
            // A call that was sent whole had a connection. What is seen now is the next one, which came less far.
            Trouble::NameUnknown(_) | Trouble::Refused | Trouble::Unreachable(_) | Trouble::ConnectTimeout => false,
            // The words may have been lost on the way to us.
            Trouble::HungUp => false,
            Trouble::Tls(_) | Trouble::Timeout | Trouble::Vanished | Trouble::Lost(_) | Trouble::Unavailable(_) => {
                false
            }
        }
    }

    /// Whether both are the same kind of trouble, whatever their texts say.
    pub fn is_like(&self, other: &Trouble) -> bool {
        std::mem::discriminant(self) == std::mem::discriminant(other)
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Trouble::NameUnknown(text) => {
                write!(f, "its name is unknown ({text}); check the host in upstream.endpoint")
            }
            Trouble::Refused => f.write_str("connection refused; is it running, and is this its gRPC port (4317)?"),
            Trouble::Unreachable(text) => write!(f, "no way there ({text})"),
            Trouble::ConnectTimeout => {
                f.write_str("no answer to a connect; is a firewall or network policy in between?")
            }
            Trouble::PlaintextPort => {
                f.write_str("TLS is spoken to a plaintext port; write http:// in upstream.endpoint")
            }
            Trouble::TlsPort => f.write_str("plaintext is spoken to a TLS port; write https:// in upstream.endpoint"),
            Trouble::Tls(text) => write!(f, "TLS was not agreed on ({text}); see upstream.tls"),
            Trouble::NotGrpc(text) => {
                write!(f, "what answers is not OTLP/gRPC ({text}); is this the collector's gRPC port (4317, not 4318)?")
            }
            Trouble::Timeout => f.write_str("connected, but no answer within upstream.timeout"),
            Trouble::Vanished => f.write_str(
                "the connection went dead: nothing that was sent on it was received; is its host, or the network to it, down?",
            ),
            Trouble::HungUp => f.write_str(
                "it hangs up without a word; if it is a TLS port, write https:// in upstream.endpoint, else what should \
                 listen behind that address is down",
            ),
            Trouble::Lost(text) => write!(f, "the connection ended without an answer ({text})"),
            Trouble::Unavailable(text) => write!(f, "it says that it is unavailable ({text})"),
        }
    }
}

/// Whose time was over, if it is that: ours, or the system's for a peer that receives nothing (see `resolve::prepare`).
fn late(timed_out: bool, error: &(dyn Error + 'static)) -> Option<Trouble> {
    let gave_up = |error: &io::Error| error.kind() == io::ErrorKind::TimedOut;
    if timed_out {
        return Some(Trouble::Timeout);
    }
    let mut cause = Some(error);
    while let Some(error) = cause {
        if error.downcast_ref().is_some_and(gave_up) {
            return Some(Trouble::Vanished);
        }
        cause = error.source();
    }
    None
}

fn of_connection(tls: bool, late: Option<Trouble>, first: &[u8], text: &str) -> Trouble {
    let first_is_tls = first.first().is_some_and(|byte| TLS_RECORDS.contains(byte));
    if tls && !first.is_empty() && !first_is_tls {
        return Trouble::PlaintextPort;
    }
    if !tls && first_is_tls && first.get(1) == Some(&3) {
        return Trouble::TlsPort;
    }
    if !tls && first.starts_with(b"HTTP/") {
        return Trouble::NotGrpc("HTTP/1".to_owned());
    }
    // Whoever speaks HTTP/2 begins with a SETTINGS frame: type 4, behind three bytes of length.
    if !tls && first.get(3).is_some_and(|&kind| kind != 4) {
        return Trouble::NotGrpc("not HTTP/2".to_owned());
    }
    if text.contains("HTTP/2 was not negotiated") {
        return Trouble::NotGrpc("TLS without HTTP/2".to_owned());
    }
    if let Some(late) = late {
        return late;
    }
    match tls {
        false if first.is_empty() => Trouble::HungUp,
        // Servers without TLS hang up on a greeting they do not know.
        true if first.is_empty() => Trouble::PlaintextPort,
        true if TLS_WORDS.iter().any(|word| text.contains(word)) => Trouble::Tls(escape(text.as_bytes())),
        _ => Trouble::Lost(escape(text.as_bytes())),
    }
}

/// An error and its causes in one line, each said once.
pub fn chain(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(next) = cause {
        let said = next.to_string();
        if !text.contains(&said) {
            text.push_str(": ");
            text.push_str(&said);
        }
        cause = next.source();
    }
    text
}

/// First bytes of TLS records: change cipher spec, alert, handshake, application data.
const TLS_RECORDS: std::ops::RangeInclusive<u8> = 0x14..=0x17;
/// What rustls' errors about certificates and alerts have in common.
const TLS_WORDS: [&str; 4] = ["certificate", "alert", "handshake", "peer is incompatible"];

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(tls: bool, timed_out: bool, first: &[u8], text: &str, expect: Trouble) {
        let sight = Sight { stage: Stage::Connected, first: first.to_vec() };
        assert_eq!(Trouble::of_failure(tls, timed_out, &sight, &std::io::Error::other(text.to_owned())), expect);
    }

    #[test]
    fn the_first_bytes_tell_tls_and_plaintext_and_http_1_apart() {
        let settings = [0, 0, 6, 4, 0, 0, 0, 0];
        check(true, false, &settings, "received corrupt message", Trouble::PlaintextPort);
        check(true, false, b"", "tls handshake eof", Trouble::PlaintextPort);
        check(false, false, &[0x15, 3, 3, 0, 2, 2, 70], "broken", Trouble::TlsPort);
        check(false, false, b"HTTP/1.1", "frame with invalid size", Trouble::NotGrpc("HTTP/1".into()));
        check(false, false, b"<!DOCTYPE", "frame with invalid size", Trouble::NotGrpc("not HTTP/2".into()));
        check(false, false, &settings, "reset", Trouble::Lost("reset".into()));
        check(false, false, b"", "broken pipe", Trouble::HungUp);
        check(false, true, &settings, "", Trouble::Timeout);
        check(false, true, b"", "", Trouble::Timeout);
        check(true, true, b"", "", Trouble::Timeout);
        let expired = "invalid peer certificate: Expired";
        check(true, false, &[0x16, 3, 3, 0, 90], expired, Trouble::Tls(expired.into()));
    }

    #[test]
    fn a_connection_that_the_system_gave_up_is_not_taken_for_an_answer_that_is_late() {
        let sight = Sight { stage: Stage::Connected, first: vec![0, 0, 6, 4] };
        let dead = io::Error::from(io::ErrorKind::TimedOut);
        let trouble = Trouble::of_failure(false, false, &sight, &dead);
        assert_eq!(trouble, Trouble::Vanished);
        assert!(!trouble.to_string().contains("upstream.timeout"));
        assert_eq!(Trouble::of_failure(false, true, &sight, &dead), Trouble::Timeout);
    }

    #[test]
    fn only_what_cannot_understand_a_call_rules_out_that_it_took_one() {
        let cannot = [Trouble::PlaintextPort, Trouble::TlsPort, Trouble::NotGrpc(String::new())];
        assert!(cannot.iter().all(Trouble::rules_delivery_out));
        // What is seen of the connection after the one that took the call.
        let next = [
            Trouble::Refused,
            Trouble::ConnectTimeout,
            Trouble::NameUnknown(String::new()),
            Trouble::Unreachable(String::new()),
        ];
        assert!(!next.iter().any(Trouble::rules_delivery_out));
    }

    #[test]
    fn how_far_the_connection_came_is_told_first() {
        let tell = |stage| {
            let sight = Sight { stage, first: Vec::new() };
            Trouble::of_failure(false, true, &sight, &std::io::Error::other("x"))
        };
        assert_eq!(tell(Stage::NameUnknown("no".into())), Trouble::NameUnknown("no".into()));
        assert_eq!(tell(Stage::Refused), Trouble::Refused);
        assert_eq!(tell(Stage::Dialing), Trouble::ConnectTimeout);
        assert_eq!(tell(Stage::Unreachable("no route".into())), Trouble::Unreachable("no route".into()));
    }
}
