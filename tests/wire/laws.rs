//! Laws of what we write and of the limits we keep: canonical bytes come back as they were, unknown fields travel, small pieces are copied
//! and large ones are not.

use bytes::Bytes;
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message;
use tailwater::relay::otlp::{Group, Limits, Malformed, Scan, Sighting, What, compose, fields, scan, stamp};

use crate::oracle::{groups, joined, nest};
use crate::requests::{Random, realistic};

fn scanned(body: &[u8]) -> Scan {
    let mut out = Scan::default();
    scan(body, &Limits::default(), &mut (), &mut out).unwrap();
    out
}

fn ids() -> Vec<u8> {
    [nest(1, &[7; 16]), nest(2, &[8; 8])].concat()
}

#[test]
fn a_canonical_request_kept_whole_is_composed_byte_for_byte_as_it_came() {
    for spans in [1, 2, 17, 512] {
        let body = Bytes::from(realistic(&mut Random(3), spans).encode_to_vec());
        let scan = scanned(&body);
        assert!(scan.whole);
        assert_eq!(joined(&groups(&body, &scan, |_| true)), body);
    }
}

/// A future version's fields at every level come out of the other end as they went in.
#[test]
fn unknown_fields_travel_with_their_message() {
    let new = |level: &str| nest(99, level.as_bytes());
    let span = nest(2, &[new("span before"), ids(), new("span after")].concat());
    let scope = nest(2, &[new("scope before"), span.clone(), new("scope after")].concat());
    let body = Bytes::from(nest(1, &[new("resource before"), scope, new("resource after")].concat()));
    let composed = joined(&groups(&body, &scanned(&body), |_| true));
    let scope = nest(2, &[new("scope before"), new("scope after"), span].concat());
    assert_eq!(composed, nest(1, &[new("resource before"), new("resource after"), scope].concat()));
}

#[test]
fn a_scan_forgets_the_request_before() {
    let mut out = scanned(&realistic(&mut Random(1), 20).encode_to_vec());
    scan(&[], &Limits::default(), &mut (), &mut out).unwrap();
    assert_eq!((out.spans.len(), out.envelopes.len(), out.resources.len(), out.whole), (0, 0, 0, true));
    let poisoned = nest(1, &nest(2, &nest(2, &[0xff])));
    scan(&poisoned, &Limits::default(), &mut (), &mut out).unwrap();
    assert_eq!((out.rejected.malformed, out.whole), (1, false));
    scan(&[0xff], &Limits::default(), &mut (), &mut out).unwrap_err();
    assert_eq!((out.rejected.total(), out.whole), (0, false));
}

/// What a decoder would answer with a hundred times their size leaves nothing behind here.
#[test]
fn hostile_requests_take_no_memory_beyond_their_own_bytes() {
    let empty = |levels| (0..levels).fold([0x12, 0].repeat(100_000), |inside, _| nest(2, &inside));
    let scattered = [&[0x98, 0x06, 0x00][..], &nest(2, &[])].concat().repeat(50_000);
    for inside in [empty(0), empty(1), empty(2), scattered.clone(), nest(2, &scattered), nest(2, &nest(2, &scattered))]
    {
        let scan = scanned(&nest(1, &inside));
        assert_eq!((scan.spans.capacity(), scan.envelopes.capacity(), scan.resources.capacity()), (0, 0, 0));
    }
}

#[test]
fn memory_for_a_usual_request_is_kept_and_for_a_huge_one_given_back() {
    let kept = |spans| {
        let mut out = scanned(&realistic(&mut Random(1), spans).encode_to_vec());
        out.clear();
        out.spans.capacity()
    };
    assert!(512 <= kept(512));
    assert_eq!(kept(3 * Scan::SPANS_KEPT), Scan::SPANS_KEPT);
}

#[test]
fn more_spans_than_allowed_are_too_many() {
    let body = realistic(&mut Random(1), 3).encode_to_vec();
    let with = |spans_max| scan(&body, &Limits { spans_max, ..Limits::default() }, &mut (), &mut Scan::default());
    assert_eq!(with(3), Ok(()));
    assert_eq!(with(2).unwrap_err().what, What::TooManySpans);
}

#[test]
fn a_nearer_nesting_limit_is_kept_and_a_farther_one_is_not() {
    let value = |levels: usize| (0..levels).fold(Vec::new(), |inside, _| nest(5, &nest(1, &inside)));
    let body = |levels| nest(1, &nest(2, &nest(2, &[ids(), nest(9, &nest(2, &value(levels)))].concat())));
    let accepted = |depth, levels| {
        let mut out = Scan::default();
        scan(&body(levels), &Limits { depth, ..Limits::default() }, &mut (), &mut out).unwrap();
        out.spans.len()
    };
    assert_eq!((accepted(5, 0), accepted(6, 1), accepted(7, 1)), (1, 0, 1));
    assert_eq!((accepted(u32::MAX, 47), accepted(u32::MAX, 48)), (1, 0));
    let shallow = |depth| scan(&body(0), &Limits { depth, ..Limits::default() }, &mut (), &mut Scan::default());
    assert_eq!(shallow(2).unwrap_err().what, What::Depth);
    assert_eq!(shallow(3), Ok(()));
}

#[test]
fn a_malformed_request_is_told_what_is_wrong_and_at_which_byte() {
    let body = [nest(1, &[]), nest(1, &nest(3, b"\xffurl"))].concat();
    let error = scan(&body, &Limits::default(), &mut (), &mut Scan::default()).unwrap_err();
    assert_eq!(error, Malformed { what: What::Text, offset: 6 });
    assert_eq!(error.to_string(), "not an OTLP trace request: text is not UTF-8 (byte 6)");
}

#[test]
fn every_kind_of_fault_has_its_name() {
    let what = |body: &[u8]| scan(body, &Limits::default(), &mut (), &mut Scan::default()).unwrap_err().what;
    let cases: [(&[u8], What); 9] = [
        (&[0x98, 0x06, 0x80], What::Truncated),
        (&[0x99, 0x06, 1, 2, 3], What::Overrun),
        (&[0x98, 0x06, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2], What::Varint),
        (&[0x9e, 0x06], What::Key),
        (&[0x02, 0], What::Key),
        (&[0x0a, 5, 1], What::Overrun),
        (&[0x08, 1], What::WireType),
        (&[0x9c, 0x06], What::Group),
        (&[0x9b, 0x06].repeat(101), What::Depth),
    ];
    for (body, expected) in cases {
        assert_eq!(what(body), expected, "{body:x?}");
        assert!(Malformed { what: expected, offset: u64::MAX }.to_string().len() <= 256);
    }
}

/// The costs of holding a span rest on these.
#[test]
fn what_is_remembered_of_a_span_is_small() {
    assert!(size_of::<Sighting>() <= 96, "{}", size_of::<Sighting>());
    assert!(size_of::<Malformed>() <= 16);
}

#[test]
fn small_pieces_are_copied_together_and_large_ones_stay_slices() {
    let large = Bytes::from(nest(2, &vec![0x0a; compose::COPY_BELOW]));
    let small = Bytes::from(nest(2, &ids()));
    let runs = vec![small.clone(), small.clone(), large.clone(), small.clone()];
    let group = Group { resource: Bytes::from_static(b"\x1a\x01r"), scopes: vec![(Bytes::new(), runs)] };
    let mut out = Vec::new();
    compose::compose(&[group.clone(), group], &mut out);
    assert_eq!(
        out.iter().map(|slice| slice.as_ptr() == large.as_ptr()).collect::<Vec<_>>(),
        [false, true, false, true, false]
    );
    assert_eq!(out[4], small);
    let mut nothing = Vec::new();
    compose::compose(&[], &mut nothing);
    assert!(nothing.is_empty());
}

#[test]
fn a_run_is_taken_apart_into_its_records() {
    let records = [nest(2, &ids()), vec![0x92, 0x00, 0x00], nest(2, &[ids(), nest(5, &[b'n'; 200])].concat())];
    let run = records.concat();
    assert_eq!(stamp::records(&run).collect::<Vec<_>>(), records);
    assert_eq!(stamp::records(&run[..run.len() - 1]).count(), 2, "a record that is cut off is none");
}

#[test]
fn the_last_trace_state_counts_and_an_appended_one_is_the_last() {
    let record = nest(2, &[ids(), nest(3, b"a=1"), nest(3, b"b=2")].concat());
    assert_eq!(stamp::trace_state_of(&record), Some(&b"b=2"[..]));
    assert_eq!(stamp::trace_state_of(&nest(2, &[nest(3, b"a=1"), nest(3, b"")].concat())), None);
    let mut stamped = vec![9, 9];
    stamp::append_trace_state(&record, b"ot=th:8,b=2", &mut stamped);
    let stamped = &stamped[2..];
    assert_eq!(stamp::trace_state_of(stamped), Some(&b"ot=th:8,b=2"[..]));
    let span = Span::decode_length_delimited(&stamped[1..]).unwrap();
    assert_eq!((span.trace_state.as_str(), span.trace_id), ("ot=th:8,b=2", vec![7; 16]));
    assert_eq!(&stamped[2..2 + record.len() - 2], &record[2..], "what was there is untouched");
}

/// Every number in `fields` is the one that the generated messages use.
#[test]
fn the_field_numbers_are_those_of_the_protocol() {
    use fields::{FIXED32, FIXED64, LEN, VARINT, span};
    let known = [
        (span::TRACE_ID, 1, LEN),
        (span::SPAN_ID, 2, LEN),
        (span::TRACE_STATE, 3, LEN),
        (span::PARENT_SPAN_ID, 4, LEN),
        (span::NAME, 5, LEN),
        (span::KIND, 6, VARINT),
        (span::START, 7, FIXED64),
        (span::END, 8, FIXED64),
        (span::ATTRIBUTES, 9, LEN),
        (span::EVENTS, 11, LEN),
        (span::LINKS, 13, LEN),
        (span::STATUS, 15, LEN),
        (span::FLAGS, 16, FIXED32),
    ];
    for (key, number, wire) in known {
        assert_eq!(key, number << 3 | wire);
    }
    let span = Span { flags: 1, ..Span::default() }.encode_to_vec();
    assert_eq!(prost::encoding::decode_varint(&mut span.as_slice()).unwrap(), u64::from(span::FLAGS));
}
