//! What a status means for a batch: the table of the OTLP specification (section "Failures" of OTLP/gRPC) with the two
//! places where it leaves us a choice, RESOURCE_EXHAUSTED and answers that are not gRPC, decided towards keeping spans.
//!
//! `unknown` is true wherever the collector may have taken the spans although it did not say OK, so that the count of
//! possible duplicates is never too low: cancelled, timed out or aborted calls, lost data, and an UNAVAILABLE that does
//! not ask us to come back. It is false where the answer says that nothing was taken: UNAVAILABLE with RetryInfo is a
//! collector holding us off on purpose, RESOURCE_EXHAUSTED and OUT_OF_RANGE come before the spans are looked at.

use http::StatusCode;
use tonic::Code;

use crate::exporter::retry_info::RetryInfo;
use crate::relay::queue::{Backoff, Outcome};

/// What becomes of a batch of `spans` spans that was answered with `code`; for OK, `rejected_spans` of it were refused.
pub fn outcome(code: Code, retry: Option<RetryInfo>, spans: u64, rejected_spans: u64) -> Outcome {
    let delay = retry.and_then(|info| info.delay);
    let again = |scope, unknown| Outcome::TryAgain { scope, delay, unknown };
    match code {
        Code::Ok => Outcome::Delivered { rejected_spans },
        Code::Unavailable => again(Backoff::Upstream, retry.is_none()),
        // The collector timed out on it, so others will too.
        Code::DeadlineExceeded => again(Backoff::Upstream, true),
        Code::Cancelled | Code::Aborted | Code::DataLoss => again(Backoff::Batch, true),
        // Servers built on tonic answer so for a message that is too large.
        Code::OutOfRange => again(Backoff::Batch, false),
        Code::ResourceExhausted if retry.is_some() || spans != 1 => again(Backoff::Batch, false),
        // One span, and nobody asked us to come back: it will never be smaller.
        Code::ResourceExhausted
        | Code::Unknown
        | Code::InvalidArgument
        | Code::NotFound
        | Code::AlreadyExists
        | Code::PermissionDenied
        | Code::FailedPrecondition
        | Code::Unimplemented
        | Code::Internal
        | Code::Unauthenticated => Outcome::Rejected,
    }
}

/// The gRPC code for an HTTP answer without one, as gRPC's "HTTP to gRPC Status Code Mapping" has it; none where the
/// answer only says that nobody there speaks OTLP/gRPC. 413, which that table lacks, is a proxy's "too large".
pub fn code_of_http(status: StatusCode) -> Option<Code> {
    match status.as_u16() {
        401 => Some(Code::Unauthenticated),
        403 => Some(Code::PermissionDenied),
        413 => Some(Code::ResourceExhausted),
        429 | 502 | 503 | 504 => Some(Code::Unavailable),
        _ => None,
    }
}

/// What becomes of a batch answered by something that does not speak gRPC: a proxy in front of the collector, or a wrong
/// address. A wrong address is somebody's typing error, so its spans wait, up to their age limit, for the right one.
pub fn outcome_of_http(status: StatusCode, retry: Option<RetryInfo>, spans: u64) -> Outcome {
    let delay = retry.and_then(|info| info.delay);
    match code_of_http(status) {
        // A bad gateway or a gateway that timed out may have passed the request on.
        Some(Code::Unavailable) => {
            let unknown = matches!(status.as_u16(), 502 | 504);
            Outcome::TryAgain { scope: Backoff::Upstream, delay, unknown }
        }
        Some(code) => outcome(code, retry, spans, 0),
        None => Outcome::TryAgain { scope: Backoff::Upstream, delay, unknown: false },
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::exporter::tests::wire;

    /// RetryInfo as it may come: none, zero, two seconds, huge, and bytes that are not one (which is none).
    fn infos() -> [Option<RetryInfo>; 5] {
        let bare = |seconds| RetryInfo::from_bare(&wire::retry_info(seconds, 0));
        [None, bare(0), bare(2), bare(1 << 30), RetryInfo::from_bare(&[0x0a, 0x7f])]
    }

    #[track_caller]
    fn check(code: Code, spans: u64, expect: [Outcome; 5]) {
        assert_eq!(infos().map(|info| outcome(code, info, spans, 3)), expect, "{code:?}");
    }

    fn again(scope: Backoff, unknown: [bool; 5]) -> [Outcome; 5] {
        let delays = [None, Some(0), Some(2), Some(60), None].map(|secs| secs.map(Duration::from_secs));
        let mut unknown = unknown.into_iter();
        delays.map(|delay| Outcome::TryAgain { scope, delay, unknown: unknown.next().unwrap_or(false) })
    }

    macro_rules! rejected {
        ($($name:ident: $code:ident),* $(,)?) => {$(
            #[test]
            fn $name() {
                check(Code::$code, 512, [Outcome::Rejected; 5]);
                check(Code::$code, 1, [Outcome::Rejected; 5]);
            }
        )*};
    }

    rejected! {
        unknown_is_rejected: Unknown,
        invalid_argument_is_rejected: InvalidArgument,
        not_found_is_rejected: NotFound,
        already_exists_is_rejected: AlreadyExists,
        permission_denied_is_rejected: PermissionDenied,
        failed_precondition_is_rejected: FailedPrecondition,
        unimplemented_is_rejected: Unimplemented,
        internal_is_rejected: Internal,
        unauthenticated_is_rejected: Unauthenticated,
    }

    #[test]
    fn ok_is_delivered_whatever_else_it_says() {
        check(Code::Ok, 512, [Outcome::Delivered { rejected_spans: 3 }; 5]);
    }

    #[test]
    fn cancelled_is_tried_again_and_may_have_arrived() {
        check(Code::Cancelled, 512, again(Backoff::Batch, [true; 5]));
    }

    #[test]
    fn deadline_exceeded_is_tried_again_by_all_and_may_have_arrived() {
        check(Code::DeadlineExceeded, 512, again(Backoff::Upstream, [true; 5]));
    }

    #[test]
    fn aborted_is_tried_again_and_may_have_arrived() {
        check(Code::Aborted, 512, again(Backoff::Batch, [true; 5]));
    }

    #[test]
    fn out_of_range_is_tried_again_and_did_not_arrive() {
        check(Code::OutOfRange, 512, again(Backoff::Batch, [false; 5]));
    }

    #[test]
    fn data_loss_is_tried_again_and_may_have_arrived() {
        check(Code::DataLoss, 512, again(Backoff::Batch, [true; 5]));
    }

    #[test]
    fn unavailable_holds_everything_off_and_with_a_wait_surely_did_not_arrive() {
        check(Code::Unavailable, 512, again(Backoff::Upstream, [true, false, false, false, true]));
    }

    #[test]
    fn resource_exhausted_is_tried_again_unless_it_is_one_span_without_a_wait() {
        check(Code::ResourceExhausted, 512, again(Backoff::Batch, [false; 5]));
        let mut one = again(Backoff::Batch, [false; 5]);
        one[0] = Outcome::Rejected;
        one[4] = Outcome::Rejected;
        check(Code::ResourceExhausted, 1, one);
    }

    #[test]
    fn an_answer_that_is_not_grpc_is_a_wrong_address_or_a_proxy() {
        let upstream = |unknown| Outcome::TryAgain { scope: Backoff::Upstream, delay: None, unknown };
        let batch = Outcome::TryAgain { scope: Backoff::Batch, delay: None, unknown: false };
        let cases = [
            (200, upstream(false)),
            (400, upstream(false)),
            (401, Outcome::Rejected),
            (403, Outcome::Rejected),
            (404, upstream(false)),
            (413, batch),
            (415, upstream(false)),
            (429, upstream(false)),
            (500, upstream(false)),
            (502, upstream(true)),
            (503, upstream(false)),
            (504, upstream(true)),
        ];
        for (status, expect) in cases {
            let status = StatusCode::from_u16(status).expect("a status");
            assert_eq!(outcome_of_http(status, None, 512), expect, "{status}");
        }
    }
}
