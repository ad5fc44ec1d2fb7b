//! `status_code`: keeps a trace in which some span has one of the given statuses.
//!
//! ```yaml
//! - {name: errors, type: status_code, status_code: {status_codes: [ERROR]}}
//! ```
//!
//! `OK`, `ERROR` and `UNSET`, in capitals. It is the span's own status, which is not that of an HTTP response: SDKs leave
//! it `UNSET` unless something went wrong. A number that the protocol does not name is none of the three.

use super::compile::Compiler;
use super::{StatusCode, Vote};
use crate::relay::otlp::Status;
use crate::relay::sampling::facts::Facts;
use crate::relay::sampling::threshold::Threshold;

/// Statuses, one of which is enough.
#[derive(Debug)]
pub(super) struct StatusCodes {
    wanted: Vec<Status>,
}

impl StatusCodes {
    pub(super) fn new(codes: &[StatusCode], compiler: &mut Compiler) -> Option<StatusCodes> {
        if codes.is_empty() {
            compiler.problem("status_codes", "is empty: name at least one of OK, ERROR, UNSET");
            return None;
        }
        let status = |code: &StatusCode| match code {
            StatusCode::Unset => Status::Unset,
            StatusCode::Ok => Status::Ok,
            StatusCode::Error => Status::Error,
        };
        Some(StatusCodes { wanted: codes.iter().map(status).collect() })
    }

    pub(super) fn vote(&self, facts: &Facts) -> Vote {
        self.wanted.iter().any(|&status| facts.has_status(status)).then_some(Threshold::ALL)
    }
}
