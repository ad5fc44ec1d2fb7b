//! `status_code`: some span of the trace has one of these statuses.

use super::{StatusCode, Vote};
use crate::relay::otlp::Status;
use crate::relay::sampling::facts::Facts;
use crate::relay::sampling::ratio::Threshold;

#[derive(Debug)]
pub struct StatusCodes {
    wanted: Vec<Status>,
}

impl StatusCodes {
    pub fn new(codes: &[StatusCode]) -> Result<StatusCodes, String> {
        if codes.is_empty() {
            return Err("status_codes is empty: name at least one of OK, ERROR, UNSET".to_owned());
        }
        let status = |code: &StatusCode| match code {
            StatusCode::Unset => Status::Unset,
            StatusCode::Ok => Status::Ok,
            StatusCode::Error => Status::Error,
        };
        Ok(StatusCodes { wanted: codes.iter().map(status).collect() })
    }

    pub fn vote(&self, facts: &Facts) -> Vote {
        self.wanted.iter().any(|&status| facts.has_status(status)).then_some(Threshold::ALL)
    }
}
