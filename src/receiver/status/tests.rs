//! Refusals as their readers decode them.

use super::*;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceResponse;
use prost::Message;

#[derive(Clone, PartialEq, Message)]
struct Any {
    #[prost(string, tag = "1")]
    type_url: String,
    #[prost(bytes = "vec", tag = "2")]
    value: Vec<u8>,
}

#[derive(Clone, PartialEq, Message)]
struct Status {
    #[prost(int32, tag = "1")]
    code: i32,
    #[prost(string, tag = "2")]
    message: String,
    #[prost(message, repeated, tag = "3")]
    details: Vec<Any>,
}

#[derive(Clone, PartialEq, Message)]
struct Span {
    #[prost(int64, tag = "1")]
    seconds: i64,
    #[prost(int32, tag = "2")]
    nanos: i32,
}

#[derive(Clone, PartialEq, Message)]
struct RetryInfo {
    #[prost(message, tag = "1")]
    delay: Option<Span>,
}

#[test]
fn a_refusal_decodes_as_a_status_with_its_retry_delay() {
    let denial = Denial { retry: Some(Duration::from_millis(1250)), ..Denial::full() };
    let status = Status::decode(&denial.encode()[..]).expect("it is a Status");
    assert_eq!((status.code, status.message), (14, denial.message.to_string()));
    assert_eq!(status.details[0].type_url, "type.googleapis.com/google.rpc.RetryInfo");
    let info = RetryInfo::decode(&status.details[0].value[..]).expect("it is a RetryInfo");
    assert_eq!(info.delay, Some(Span { seconds: 1, nanos: 250_000_000 }));
}

#[test]
fn each_refusal_that_may_be_tried_again_has_a_delay_of_its_own() {
    let dice = Dice::new(3);
    assert_ne!(Denial::full().spread(&dice).retry, Denial::full().spread(&dice).retry);
    assert_eq!(Denial::too_large(1).spread(&dice).retry, None);
}

#[test]
fn what_will_never_fit_carries_no_delay() {
    let status = Status::decode(&Denial::too_large(10).encode()[..]).expect("it is a Status");
    assert_eq!((status.code, status.details), (8, vec![]));
}

#[test]
fn partial_success_decodes_with_count_and_message() {
    let response = ExportTraceServiceResponse::decode(&partial_success(300, "why")[..]).expect("it is a response");
    let partial = response.partial_success.expect("it is set");
    assert_eq!((partial.rejected_spans, partial.error_message.as_str()), (300, "why"));
}

#[test]
fn base64_is_unpadded() {
    let pairs = [("", ""), ("f", "Zg"), ("fo", "Zm8"), ("foo", "Zm9v"), ("foob", "Zm9vYg"), ("\u{7f}~?", "f34/")];
    for (plain, encoded) in pairs {
        assert_eq!(base64(plain.as_bytes()), encoded);
    }
}

#[test]
fn a_status_message_is_percent_encoded() {
    assert_eq!(percent("50% of é\n"), "50%25 of %C3%A9%0A");
}

#[test]
fn every_message_fits_its_limit() {
    let all = [
        Denial::full(),
        Denial::draining(),
        Denial::too_large(usize::MAX),
        Denial::index_too_large(),
        Denial::bomb(200),
        Denial::malformed("x".repeat(1000)),
        Denial::timeout(Duration::from_secs(10)),
        Denial::cancelled(),
        Denial::encoding(&[b'"'; 1000]),
        Denial::path(),
        Denial::method_unknown(),
        Denial::method_not_post(),
        Denial::own_export(),
    ];
    for denial in all {
        assert!(denial.message.len() <= 256, "{} bytes: {}", denial.message.len(), denial.message);
    }
}
