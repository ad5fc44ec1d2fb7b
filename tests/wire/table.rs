//! Hand-made requests at every edge of the wire format, with the verdict that prost was seen to give. Every one also passes the whole oracle:
//! facts, attributes and what is composed must be prost's too.

use tailwater::relay::otlp::Rejected;

use crate::oracle::{Verdict, check, nest};

const MALFORMED: Verdict = Verdict::Malformed;

/// Both spans of [`with_span`] or [`around`] are accepted.
const ACCEPTED: Verdict =
    Verdict::Read { accepted: 2, rejected: Rejected { invalid_trace_id: 0, invalid_span_id: 0, malformed: 0 } };

/// The span with the extra bytes is rejected, its neighbour is accepted.
const POISONED: Verdict =
    Verdict::Read { accepted: 1, rejected: Rejected { invalid_trace_id: 0, invalid_span_id: 0, malformed: 1 } };

#[track_caller]
fn expect(verdict: Verdict, cases: &[(&str, Vec<u8>)]) {
    for (name, body) in cases {
        assert_eq!(check(body), verdict, "{name}");
    }
}

/// A field's key.
fn key(number: u64, wire: u64) -> Vec<u8> {
    number_of(number << 3 | wire)
}

fn number_of(value: u64) -> Vec<u8> {
    let mut out = Vec::new();
    prost::encoding::encode_varint(value, &mut out);
    out
}

fn join(parts: &[&[u8]]) -> Vec<u8> {
    parts.concat()
}

fn ids() -> Vec<u8> {
    join(&[&nest(1, &[7; 16]), &nest(2, &[8; 8])])
}

/// A request of two spans, the first with `extra` behind its ids.
fn with_span(extra: &[u8]) -> Vec<u8> {
    let first = nest(2, &join(&[&ids(), extra]));
    nest(1, &nest(2, &join(&[&first, &nest(2, &ids())])))
}

/// A request of two spans with `request`, `resource` and `scope` before, in the message they are named for.
fn around(request: &[u8], resource: &[u8], scope: &[u8]) -> Vec<u8> {
    let spans = join(&[scope, &nest(2, &ids()), &nest(2, &ids())]);
    join(&[request, &nest(1, &join(&[resource, &nest(2, &spans)]))])
}

/// An attribute of a span; `value` is the content of an `AnyValue`.
fn attribute(value: &[u8]) -> Vec<u8> {
    nest(9, &join(&[&nest(1, b"key"), &nest(2, value)]))
}

const TWO_64_MINUS_1: [u8; 10] = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1];
const TWO_63: [u8; 10] = [0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 1];

#[test]
fn what_stands_twice_counts_as_protobuf_says() {
    let status = |code: u8, message: &[u8]| nest(15, &join(&[&[0x18, code], &nest(2, message)]));
    let string = nest(1, b"text");
    let list = |inside: &[u8]| nest(5, &nest(1, inside));
    let twice_valued = nest(9, &join(&[&nest(1, b"k"), &nest(2, &string), &nest(2, &[0x18, 5]), &nest(2, &[])]));
    expect(
        ACCEPTED,
        &[
            ("two trace ids, the last counts", with_span(&nest(1, &[9; 16]))),
            ("two trace states, the last counts", with_span(&join(&[&nest(3, b"a=1"), &nest(3, b"b=2")]))),
            ("two trace states, the last is empty", with_span(&join(&[&nest(3, b"a=1"), &nest(3, b"")]))),
            (
                "a status in two pieces: message, then code",
                with_span(&join(&[&nest(15, &nest(2, b"m")), &nest(15, &[0x18, 2])])),
            ),
            (
                "a status in two pieces: code, then message",
                with_span(&join(&[&nest(15, &[0x18, 2]), &nest(15, &nest(2, b"m"))])),
            ),
            ("a status whose code is taken back", with_span(&join(&[&status(2, b"x"), &nest(15, &[0x18, 0])]))),
            ("a parent that is taken back", with_span(&join(&[&nest(4, &[5; 8]), &nest(4, &[])]))),
            (
                "two kinds, starts and ends",
                with_span(&join(&[&[0x30, 1, 0x30, 3, 0x39], &[1; 8], &[0x41], &[2; 8], &[0x39], &[3; 8]])),
            ),
            (
                "two resources",
                around(&[], &join(&[&nest(1, &nest(1, &nest(1, b"a"))), &nest(1, &nest(1, &nest(1, b"b")))]), &[]),
            ),
            ("two scopes", around(&[], &[], &join(&[&nest(1, &nest(1, b"a")), &nest(1, &nest(2, b"b"))]))),
            (
                "two schema urls",
                around(&[], &join(&[&nest(3, b"a"), &nest(3, b"b")]), &join(&[&nest(3, b"c"), &nest(3, b"d")])),
            ),
            ("a value that is text, then a number", with_span(&attribute(&join(&[&string, &[0x18, 7]])))),
            ("a value that is a number, then text", with_span(&attribute(&join(&[&[0x18, 7], &string])))),
            ("a value that is text, then a profile's index", with_span(&attribute(&join(&[&string, &[0x40, 7]])))),
            ("a value that is a number, then bytes", with_span(&attribute(&join(&[&[0x18, 7], &nest(7, &[0xff])])))),
            ("a value that is a list twice", with_span(&attribute(&join(&[&list(&string), &list(&[0x18, 1])])))),
            ("a key-value with two values and an empty one", with_span(&twice_valued)),
            ("a key-value with two keys", with_span(&nest(9, &join(&[&nest(1, b"a"), &nest(1, b"b")])))),
            ("the value before the key", with_span(&nest(9, &join(&[&nest(2, &string), &nest(1, b"k")])))),
            ("two attributes with one key", with_span(&join(&[&attribute(&string), &attribute(&[0x10, 1])]))),
        ],
    );
    let first_empty = with_span(&nest(1, &[]));
    assert!(matches!(
        check(&first_empty),
        Verdict::Read { accepted: 1, rejected: Rejected { invalid_trace_id: 1, .. } }
    ));
}

#[test]
fn the_resource_and_the_scope_may_stand_behind_the_spans_and_between_them() {
    let span = nest(2, &ids());
    let resource = nest(1, &nest(1, &join(&[&nest(1, b"service.name"), &nest(2, &nest(1, b"a"))])));
    let scope = nest(1, &nest(1, b"library"));
    let unknown = nest(99, b"new");
    let scattered = join(&[&unknown, &span, &scope, &unknown, &span, &nest(3, b"schema")]);
    expect(
        ACCEPTED,
        &[
            ("scope behind", nest(1, &join(&[&resource, &nest(2, &join(&[&span, &span, &scope]))]))),
            ("resource behind", nest(1, &join(&[&nest(2, &join(&[&scope, &span, &span])), &resource]))),
            ("scope between", nest(1, &join(&[&resource, &nest(2, &join(&[&span, &scope, &span]))]))),
            (
                "in many places",
                nest(1, &join(&[&resource, &nest(2, &scattered), &resource, &nest(2, &scope), &unknown])),
            ),
        ],
    );
}

#[test]
fn unknown_fields_and_balanced_groups_are_accepted_everywhere() {
    let last = (1 << 29) - 1;
    let group = join(&[&key(99, 3), &key(5, 0), &[1], &key(7, 3), &key(7, 4), &key(99, 4)]);
    let mut cases = Vec::new();
    for (name, field) in [
        ("field 17", nest(17, b"new")),
        ("field 99 as varint", join(&[&key(99, 0), &TWO_64_MINUS_1])),
        ("field 99 as eight bytes", join(&[&key(99, 1), &[0xff; 8]])),
        ("field 99 as four bytes", join(&[&key(99, 5), &[0xff; 4]])),
        ("the last field number", join(&[&key(last, 2), &[3, 0xff, 0xfe, 0xfd]])),
        ("a group", group),
        ("bytes that are no text", nest(99, &[0xff])),
    ] {
        cases.push((name, with_span(&field)));
        cases.push((name, with_span(&nest(9, &field))));
        cases.push((name, with_span(&nest(11, &field))));
        cases.push((name, with_span(&nest(13, &field))));
        cases.push((name, with_span(&nest(15, &field))));
        cases.push((name, with_span(&attribute(&field))));
        cases.push((name, with_span(&attribute(&nest(5, &field)))));
        cases.push((name, with_span(&attribute(&nest(6, &field)))));
        cases.push((name, around(&field, &field, &field)));
        cases.push((name, around(&[], &nest(1, &field), &nest(1, &field))));
    }
    expect(ACCEPTED, &cases);
    let phantom = join(&[&nest(2, &nest(2, &nest(2, &ids()))), &with_span(&[])]);
    expect(ACCEPTED, &[("a field that only looks like resource spans", phantom)]);
}

#[test]
fn what_is_wrong_in_a_span_rejects_that_span_and_elsewhere_the_request() {
    for (name, field) in [
        ("an unterminated group", join(&[&key(99, 3), &key(5, 0), &[1]])),
        ("a group that ends as another", join(&[&key(99, 3), &key(98, 4)])),
        ("an end without a group", key(99, 4)),
        ("field 1 as a group", join(&[&key(1, 3), &key(1, 4)])),
        ("field 1 as a varint", join(&[&key(1, 0), &[1]])),
        ("wire type 6", join(&[&key(99, 6), &[0; 8]])),
        ("wire type 7", join(&[&key(99, 7), &[0; 8]])),
        ("field number 0", join(&[&key(0, 2), &[0]])),
        ("field number 0 as a varint", vec![0, 0]),
        ("field number 0 in a group", join(&[&key(99, 3), &[0, 0], &key(99, 4)])),
        ("wire type 6 in a group", join(&[&key(99, 3), &key(5, 6), &key(99, 4)])),
        ("a key of 33 bits", join(&[&number_of(1 << 32 | 0x0a), &[0]])),
        ("a key that is field 1 again modulo 2^32", join(&[&number_of((1 << 35) + 10), &[0]])),
        ("a varint whose tenth byte is 2", join(&[&key(99, 0), &TWO_64_MINUS_1[..9], &[2]])),
        ("a varint of eleven bytes", join(&[&key(99, 0), &[0x80; 10], &[1]])),
        ("a varint cut short", join(&[&key(99, 0), &[0x80; 3]])),
        ("a key cut short", vec![0x80]),
        ("a length beyond the end", join(&[&key(99, 2), &[200, 1], b"abc"])),
        ("a length of 2^63", join(&[&key(99, 2), &TWO_63])),
        ("a length of 2^64-1", join(&[&key(99, 2), &TWO_64_MINUS_1])),
        ("a length without its bytes", join(&[&key(1, 2), &[1]])),
        ("four bytes of eight", join(&[&key(99, 1), &[0; 4]])),
        ("three bytes of four", join(&[&key(99, 5), &[0; 3]])),
    ] {
        expect(POISONED, &[(name, with_span(&field)), (name, with_span(&nest(9, &field)))]);
        expect(POISONED, &[(name, with_span(&nest(11, &field))), (name, with_span(&nest(13, &field)))]);
        expect(POISONED, &[(name, with_span(&attribute(&field))), (name, with_span(&attribute(&nest(5, &field))))]);
        expect(POISONED, &[(name, with_span(&attribute(&nest(6, &field))))]);
        // At the end, so that what follows cannot complete it.
        let request = join(&[&with_span(&[]), &field]);
        let resource = nest(1, &join(&[&nest(2, &nest(2, &ids())), &field]));
        let scope = nest(1, &nest(2, &join(&[&nest(2, &ids()), &field])));
        expect(MALFORMED, &[(name, request), (name, resource), (name, scope)]);
        let (in_resource, in_scope) = (around(&[], &nest(1, &field), &[]), around(&[], &[], &nest(1, &field)));
        expect(MALFORMED, &[(name, in_resource), (name, in_scope)]);
    }
    // Field 1 of a status is reserved, which makes it unknown.
    expect(ACCEPTED, &[("status field 1", with_span(&nest(15, &[0x08, 1])))]);
    expect(POISONED, &[("status field 2 as a varint", with_span(&nest(15, &[0x10, 1])))]);
}

#[test]
fn every_known_field_must_have_its_wire_type() {
    let value = |wire: u64| match wire {
        0 => vec![1],
        1 => vec![1; 8],
        2 => vec![0],
        3 => Vec::new(),
        _ => vec![1; 4],
    };
    let wires = [2, 2, 2, 2, 2, 0, 1, 1, 2, 0, 2, 0, 2, 0, 2, 5];
    for (number, right) in (1u64..).zip(wires) {
        for wire in [0, 1, 2, 3, 5] {
            let end = if wire == 3 { key(number, 4) } else { Vec::new() };
            let mut span = join(&[&key(number, wire), &value(wire), &end, &ids()]);
            if wire != right {
                span = join(&[&ids(), &span]);
            }
            let body = nest(1, &nest(2, &join(&[&nest(2, &span), &nest(2, &ids())])));
            expect(
                if wire == right { ACCEPTED } else { POISONED },
                &[(&format!("span field {number} as {wire}"), body)],
            );
        }
    }
}

#[test]
fn numbers_and_tags_may_be_longer_than_they_need_be() {
    let long_tag = |number: u8, wire: u8| vec![number << 3 | wire | 0x80, 0x80, 0];
    let id = join(&[&long_tag(1, 2), &[0x90, 0x80, 0], &[3; 16]]);
    let long_record = join(&[&[0x92, 0x80, 0x00], &[0x80 | ids().len() as u8, 0x00], &ids()]);
    expect(
        ACCEPTED,
        &[
            ("tag and length of a trace id", with_span(&id)),
            ("tag and length of spans", nest(1, &nest(2, &join(&[&long_record, &long_record])))),
            ("a tag of five bytes", with_span(&join(&[&[0x8a, 0x80, 0x80, 0x80, 0x00, 16], &[4; 16]]))),
            (
                "a length of ten bytes",
                with_span(&join(&[&[0x0a, 0x90, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0], &[4; 16]])),
            ),
            ("a kind of ten bytes", with_span(&join(&[&[0x30], &TWO_64_MINUS_1]))),
            ("a status code of ten bytes", with_span(&nest(15, &join(&[&[0x18], &TWO_64_MINUS_1])))),
            ("a kind and a status nobody knows", with_span(&join(&[&[0x30, 99], &nest(15, &[0x18, 99])]))),
            ("a kind whose low 32 bits are 3", with_span(&join(&[&[0x30], &number_of(1 << 32 | 3)]))),
            ("a truth of 2", with_span(&attribute(&[0x10, 2]))),
            ("a dropped count beyond 32 bits", with_span(&join(&[&[0x50], &TWO_64_MINUS_1]))),
        ],
    );
}

#[test]
fn text_must_be_utf8_even_where_another_value_replaces_it() {
    for bad in [
        &b"\xff"[..],
        b"abc\x80",
        b"\xc0\x80",
        b"\xed\xa0\x80",
        b"\xf4\x90\x80\x80",
        b"\xe2\x82",
        b"a long and harmless beginning \xf0\x9f",
    ] {
        let at = |number: u32| nest(number, bad);
        let pair = |inside: &[u8]| nest(2, inside);
        for (name, field) in [
            ("name", at(5)),
            ("a name that is replaced", join(&[&at(5), &nest(5, b"fine")])),
            ("trace state", at(3)),
            ("status message", nest(15, &at(2))),
            ("attribute key", nest(9, &at(1))),
            ("attribute value", attribute(&at(1))),
            ("a value that is replaced", attribute(&join(&[&at(1), &[0x18, 1]]))),
            ("in a list", attribute(&nest(5, &nest(1, &at(1))))),
            ("key in key-values", attribute(&nest(6, &nest(1, &at(1))))),
            ("value in key-values", attribute(&nest(6, &nest(1, &pair(&at(1)))))),
            ("event name", nest(11, &at(2))),
            ("event attribute", nest(11, &nest(3, &at(1)))),
            ("link trace state", nest(13, &at(3))),
            ("link attribute", nest(13, &nest(4, &at(1)))),
        ] {
            expect(POISONED, &[(name, with_span(&field))]);
        }
        for (name, resource, scope) in [
            ("resource attribute", nest(1, &nest(1, &at(1))), vec![]),
            ("entity", nest(1, &nest(3, &at(1))), vec![]),
            ("entity type", nest(1, &nest(3, &at(2))), vec![]),
            ("entity id key", nest(1, &nest(3, &at(3))), vec![]),
            ("entity description key", nest(1, &nest(3, &at(4))), vec![]),
            ("resource schema", at(3), vec![]),
            ("scope name", vec![], nest(1, &at(1))),
            ("scope version", vec![], nest(1, &at(2))),
            ("scope attribute", vec![], nest(1, &nest(3, &at(1)))),
            ("scope schema", vec![], at(3)),
        ] {
            expect(MALFORMED, &[(name, around(&[], &resource, &scope))]);
        }
        expect(ACCEPTED, &[("bytes need not be text", with_span(&attribute(&nest(7, bad))))]);
    }
    expect(ACCEPTED, &[("text of four-byte letters", with_span(&nest(5, "手話 👋 é".as_bytes())))]);
}

/// `levels` of values inside one another; the innermost is a number.
fn nested(levels: usize, level: impl Fn(Vec<u8>) -> Vec<u8>) -> Vec<u8> {
    (0..levels).fold(vec![0x18, 1], |inside, _| level(inside))
}

#[test]
fn nesting_ends_where_prost_ends_it() {
    let arrays = |levels| with_span(&attribute(&nested(levels, |inside| nest(5, &nest(1, &inside)))));
    let lists = |levels| with_span(&attribute(&nested(levels, |inside| nest(6, &nest(1, &nest(2, &inside))))));
    expect(ACCEPTED, &[("47 arrays", arrays(47)), ("31 lists", lists(31))]);
    expect(POISONED, &[("48 arrays", arrays(48)), ("32 lists", lists(32))]);
    let groups = |levels| join(&[&[0x9b, 0x06].repeat(levels), &[0x9c, 0x06].repeat(levels)]);
    let deepest = |place: &str, levels: usize, within: &dyn Fn(&[u8]) -> Vec<u8>| {
        expect(ACCEPTED, &[(place, within(&groups(levels)))]);
        expect(POISONED, &[(place, within(&groups(levels + 1)))]);
    };
    deepest("span", 97, &|inside| with_span(inside));
    deepest("event", 96, &|inside| with_span(&nest(11, inside)));
    deepest("link", 96, &|inside| with_span(&nest(13, inside)));
    deepest("status", 96, &|inside| with_span(&nest(15, inside)));
    deepest("attribute", 96, &|inside| with_span(&nest(9, inside)));
    deepest("value", 95, &|inside| with_span(&attribute(inside)));
    deepest("event attribute", 95, &|inside| with_span(&nest(11, &nest(3, inside))));
    deepest("link attribute", 95, &|inside| with_span(&nest(13, &nest(4, inside))));
    deepest("array", 94, &|inside| with_span(&attribute(&nest(5, inside))));
    deepest("list", 94, &|inside| with_span(&attribute(&nest(6, inside))));
    let resource = |levels| nest(1, &nest(1, &nest(2, &nested(levels, |inside| nest(5, &nest(1, &inside))))));
    expect(ACCEPTED, &[("48 arrays in a resource", around(&[], &resource(48), &[]))]);
    expect(MALFORMED, &[("49 arrays in a resource", around(&[], &resource(49), &[]))]);
    expect(POISONED, &[("200,000 groups", with_span(&groups(200_000))), ("20,000 arrays", arrays(20_000))]);
}

/// Key-values of the usual shape are read on a shorter way, which must come to the same end where the shape deceives.
#[test]
fn key_values_that_look_usual_are_read_as_prost_reads_them() {
    let pair = |value: &[u8]| join(&[&nest(1, b"key"), &nest(2, value)]);
    let lists = |levels| with_span(&attribute(&nested(levels, |inside| nest(6, &nest(1, &pair(&inside))))));
    expect(ACCEPTED, &[("31 usual lists", lists(31))]);
    expect(POISONED, &[("32 usual lists", lists(32))]);
    // Read with a length of one byte, 0x85, this is a key that begins with 1 and a double; in truth the key is followed by field 1 as eight bytes.
    let deceiving = join(&[&[0x0a, 0x85, 1], &[b'k'; 132], &[0x12, 0x09, 0x21], &[0; 8]]);
    expect(POISONED, &[("a key whose length has two bytes", with_span(&nest(9, &deceiving)))]);
    for value in [
        &[0x18, 5, 0x18, 6][..],
        &[0x18, 0x80, 0x80, 0],
        &[0x10, 1, 0x18, 1],
        &[0x10, 0x80, 1],
        &[0x21, 0, 0, 0, 0, 0, 0, 0xf8, 0x7f],
        &[0x21, 0, 0, 0, 0, 0, 0, 0xf8, 0x7f, 0x10, 1],
        &[0x0a, 2, b'a', b'b', 0x18, 7],
        &[0x0a, 0x82, 0, b'a', b'b'],
        &[0x0a, 2, 0xc3, 0xa9],
        &[0x0a, 0],
        &[0x18],
        &[],
    ] {
        let verdict = if value == [0x18] { POISONED } else { ACCEPTED };
        expect(
            verdict,
            &[
                ("a value", with_span(&nest(9, &pair(value)))),
                ("and more", with_span(&nest(9, &join(&[&pair(value), &nest(2, &[0x18, 9])])))),
            ],
        );
    }
    let long = [b'x'; 300];
    for len in [0, 1, 110, 120, 126, 127, 128, 129, 300] {
        let text = nest(1, &long[..len]);
        expect(
            ACCEPTED,
            &[
                ("long text", with_span(&attribute(&text))),
                ("long key", with_span(&nest(9, &join(&[&text, &nest(2, &[0x18, 1])])))),
            ],
        );
    }
}

#[test]
fn a_span_that_overruns_its_scope_makes_the_request_malformed() {
    let cut = |bytes: Vec<u8>| bytes[..bytes.len() - 1].to_vec();
    let (spans, scope) = (nest(2, &cut(nest(2, &ids()))), nest(2, &nest(2, &ids())));
    expect(
        MALFORMED,
        &[
            ("span beyond scope", nest(1, &spans)),
            ("span beyond scope, bytes following", nest(1, &join(&[&spans, &nest(3, b"url")]))),
            ("scope beyond resource", nest(1, &cut(scope.clone()))),
            ("resource beyond request", cut(nest(1, &scope))),
        ],
    );
    // Inside the span the error is the span's alone.
    expect(POISONED, &[("attribute beyond span", with_span(&cut(attribute(&nest(1, b"value")))))]);
}

#[test]
fn spans_without_valid_ids_are_rejected_alone() {
    let span = |trace: &[u8], id: &[u8]| {
        let bytes = join(&[&nest(1, trace), &nest(2, id)]);
        nest(1, &nest(2, &join(&[&nest(2, &bytes), &nest(2, &ids())])))
    };
    let read = |invalid_trace_id, invalid_span_id| Verdict::Read {
        accepted: 1,
        rejected: Rejected { invalid_trace_id, invalid_span_id, malformed: 0 },
    };
    for trace in [&[][..], &[0; 16], &[1; 15], &[1; 17], &[1; 8]] {
        expect(read(1, 0), &[("trace id", span(trace, &[1; 8])), ("both ids", span(trace, &[]))]);
    }
    for id in [&[][..], &[0; 8], &[1; 7], &[1; 9], &[1; 16]] {
        expect(read(0, 1), &[("span id", span(&[1; 16], id))]);
    }
}

#[test]
fn nothing_is_a_request_and_so_are_empty_envelopes() {
    let empty = Verdict::Read { accepted: 0, rejected: Rejected::default() };
    let scopes = nest(1, &nest(2, &[]).repeat(1000));
    expect(
        empty,
        &[("no bytes", vec![]), ("resource", vec![0x0a, 0]), ("scope", nest(1, &[0x12, 0])), ("scopes", scopes)],
    );
    let spans = nest(1, &nest(2, &[0x12, 0].repeat(1000)));
    let rejected = Rejected { invalid_trace_id: 1000, ..Rejected::default() };
    expect(Verdict::Read { accepted: 0, rejected }, &[("empty spans", spans)]);
}
