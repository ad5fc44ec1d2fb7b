//! One condition on one span, many times.

use super::*;

#[track_caller]
fn all(expect: Option<bool>, conditions: &[&str]) {
    for condition in conditions {
        assert_eq!(said(condition, &sample()), expect, "{condition}");
    }
}

#[test]
fn every_field_is_found_under_its_path() {
    all(
        Some(true),
        &[
            r#"name == "GET /predict" and span.name == name"#,
            r#"kind == SPAN_KIND_SERVER and kind.string == "Server" and kind.deprecated_string == "SPAN_KIND_SERVER""#,
            r#"status.code == STATUS_CODE_ERROR and status.message == "boom""#,
            "start_time_unix_nano == 1000000000 and end_time_unix_nano == 1750000000",
            r#"end_time - start_time == Duration("750ms")"#,
            "trace_id == TraceID(0x0102030405060708090a0b0c0d0e0f10)",
            r#"trace_id == TraceID("0102030405060708090A0b0c0d0e0f10")"#,
            r#"trace_id.string == "0102030405060708090a0b0c0d0e0f10""#,
            r#"span_id == SpanID(0x0102030405060708) and span_id.string == "0102030405060708""#,
            r#"parent_span_id == SpanID("0909090909090909") and parent_span_id.string == "0909090909090909""#,
            r#"trace_state == "ot=th:8,vendor=a b" and trace_state["vendor"] == "a b" and trace_state["x"] == """#,
            "flags == 257 and dropped_attributes_count == 3 and dropped_events_count == 0 and dropped_links_count == 0",
            r#"resource.attributes["service.name"] == "gesture" and resource.attributes["int"] == 9"#,
            r#"instrumentation_scope.name == "library" and instrumentation_scope.version == "1.2""#,
            r#"scope.name == "library" and scope.attributes["s"] == "scope""#,
            r#"attributes["list"][0] == 1 and attributes["list"][1] == "two""#,
            r#"attributes["map"]["a"]["deep"] == "<x>" and attributes["map"]["c"]["d"] == nil"#,
            r#"Len(attributes) == 12 and attributes["none"]["deep"] == nil"#,
            "not IsRootSpan()",
        ],
    );
    let root = sample_with(|span| span.parent_span_id.clear());
    for condition in ["IsRootSpan()", r#"parent_span_id == SpanID(0x0000000000000000)"#] {
        assert_eq!(said(condition, &root), Some(true), "{condition}");
    }
    let odd = sample_with(|span| {
        span.kind = 77;
        span.trace_state = "not a tracestate".to_owned();
        span.status = None;
        span.end_time_unix_nano = u64::MAX;
    });
    for condition in [
        r#"kind == 77 and kind.string == "" and kind.deprecated_string == """#,
        r#"trace_state["vendor"] == nil"#,
        r#"status.code == STATUS_CODE_UNSET and status.message == """#,
        "end_time_unix_nano == -1",
    ] {
        assert_eq!(said(condition, &odd), Some(true), "{condition}");
    }
}

#[test]
fn numbers_compare_as_numbers_and_nothing_else_with_another_kind() {
    all(
        Some(true),
        &[
            r#"attributes["int"] == 500.0 and 500.0 == attributes["int"] and attributes["int"] > 499.5"#,
            r#"attributes["double"] < 1 and attributes["double"] >= 0.25 and 0 < attributes["double"]"#,
            r#"attributes["int"] != "500" and "500" != attributes["int"] and not attributes["int"] == "500""#,
            r#"not attributes["int"] < "600" and not attributes["int"] > "600" and not attributes["digits"] >= 42"#,
            r#"attributes["truth"] == true and attributes["truth"] > false and attributes["truth"] != 1"#,
            r#"attributes["text"] > "cafz" and attributes["text"] >= "caf""#,
            r#"attributes["bytes"] == 0xab01 and attributes["bytes"] < 0xac and attributes["bytes"] != "ab01""#,
            r#"attributes["nan"] != attributes["nan"] and not attributes["nan"] <= 1"#,
            r#"trace_id != trace_id.string and trace_id != span_id and not trace_id <= trace_id"#,
            r#"Duration("1s") > Duration("999ms") and Duration("1s") != 1000000000"#,
            "start_time < end_time and start_time != start_time_unix_nano",
        ],
    );
}

#[test]
fn nil_is_equal_to_itself_alone() {
    all(
        Some(true),
        &[
            r#"attributes["none"] == nil and attributes["empty"] == nil and attributes["no bytes"] == nil"#,
            r#"nil == nil and nil <= nil and nil >= nil and not nil < nil and not nil != nil"#,
            r#"attributes["int"] != nil and nil != attributes["int"] and not attributes["int"] > nil"#,
            r#"attributes["none"] != 0 and attributes["none"] != "" and not attributes["none"] < 1"#,
            r#"status.message != nil"#,
        ],
    );
}

#[test]
fn lists_and_maps_are_equal_down_to_the_leaves_or_not() {
    all(
        Some(true),
        &[
            r#"attributes["list"] == [1, "two", []] and [1, "two", []] == attributes["list"]"#,
            r#"attributes["list"] != [1.0, "two", []] and attributes["list"] != [1, "two"]"#,
            r#"attributes["list"] == attributes["list"] and attributes["map"] == attributes["map"]"#,
            r#"attributes["map"] != attributes["map"]["a"] and attributes["map"] != attributes["list"]"#,
            r#"not attributes["list"] <= attributes["list"] and not attributes["map"] < attributes["map"]"#,
            r#"[attributes["int"], name] == [500, "GET /predict"]"#,
        ],
    );
}

#[test]
fn calculations_are_those_of_64_bits_and_of_time() {
    all(
        Some(true),
        &[
            r#"attributes["int"] / 7 == 71 and attributes["int"] * 2 - 1 == 999 and -attributes["int"] + 1 == -499"#,
            r#"attributes["int"] * 0.5 == 250 and attributes["double"] + 1 == 1.25 and -attributes["double"] < 0"#,
            r#"(attributes["int"] + 1) * 2 == 1002 and 1 - 2 - 3 == -4 and 7 / 2 == 3 and 7 / 2.0 == 3.5"#,
            r#"attributes["int"] + 9223372036854775807 < 0"#,
            r#"start_time + Duration("750ms") == end_time and end_time - Duration("750ms") == start_time"#,
            r#"Duration("1m") + Duration("1s") - Duration("2s") == Duration("59s")"#,
            "(end_time_unix_nano - start_time_unix_nano) / 1000000 >= 750",
            r#"Milliseconds(end_time - start_time) == 750 and Seconds(end_time - start_time) == 0.75"#,
        ],
    );
    all(
        None,
        &[
            r#"attributes["int"] / 0 == 1"#,
            r#"attributes["double"] / 0 == 1"#,
            r#"attributes["text"] + 1 == 1"#,
            r#"attributes["none"] * 2 == 1"#,
            r#"-attributes["text"] == 1"#,
            r#"start_time + attributes["int"] == end_time"#,
        ],
    );
}

#[test]
fn functions_give_what_those_of_the_collector_give() {
    all(
        Some(true),
        &[
            r#"IsMatch(name, "^GET ") and IsMatch(name, "predict$") and not IsMatch(name, "^predict")"#,
            r#"IsMatch(attributes["int"], "^5\\d\\d$") and IsMatch(attributes["bytes"], "^ab01$") and IsMatch(kind, "2")"#,
            r#"IsMatch(attributes["list"], "^.1,.two.,") and IsMatch(attributes["truth"], "true")"#,
            r#"not IsMatch(attributes["none"], "") and IsMatch(attributes["text"], "caf. noir")"#,
            r#"IsString(name) and IsInt(kind) and IsDouble(attributes["double"]) and IsBool(attributes["truth"])"#,
            r#"IsMap(attributes["map"]) and IsList(attributes["list"]) and IsList([1]) and not IsString(attributes["none"])"#,
            r#"not IsInt(attributes["digits"]) and not IsDouble(attributes["int"]) and not IsMap(attributes["list"])"#,
            r#"Int(attributes["digits"]) == 42 and Int("-7") == -7 and Int(2.9) == 2 and Int(true) == 1 and Int(nil) == nil"#,
            r#"Double("1e3") == 1000 and Double(attributes["int"]) == 500 and Double(attributes["none"]) == nil"#,
            r#"Bool("T") and Bool(attributes["int"]) and not Bool("0") and Bool(attributes["none"]) == nil"#,
            r#"String(attributes["double"]) == "0.25" and String(1.0) == "1" and String(1.0e21) == "1e+21""#,
            r#"String(attributes["map"]) == "{\"a\":{\"deep\":\"\\u003cx\\u003e\"},\"b\":1}" and String(nil) == nil"#,
            r#"String(attributes["list"]) == "[1,\"two\",[]]" and String(Duration("1us")) == "1000""#,
            r#"Concat([name, kind, attributes["none"], 0xff], "-") == "GET /predict-2-<nil>-ff""#,
            r#"Concat(attributes["list"], "|") == "1|two|[]" and Concat([], ",") == """#,
            r#"Len(name) == 12 and Len(attributes["text"]) == 10 and Len(attributes["list"]) == 3 and Len(0xffff) == 2"#,
            r#"Substring(name, 4, 8) == "/predict" and Substring("caf\u00e9", 0, 4, true) == "caf""#,
            r#"Split(name, "/")[1] == "predict" and Split(name, "/") == ["GET ", "predict"] and Len(Split("ab", "")) == 2"#,
            r#"ToLowerCase(name) == "get /predict" and ToUpperCase(attributes["text"]) == "CAF\u00c9 NOIR""#,
            r#"ToUpperCase("stra\u00dfe") == "STRA\u00dfE""#,
            r#"Trim("  x ") == "x" and Trim("xxyx", "x") == "y" and TrimPrefix(name, "GET ") == "/predict""#,
            r#"TrimSuffix(name, "predict") == "GET /" and HasPrefix(name, "GET") and not HasSuffix(name, "GET")"#,
            r#"Index(name, "/") == 4 and Index(name, "?") == -1 and Index(attributes["list"], "two") == 1"#,
            r#"ContainsValue(attributes["list"], 1.0) and not ContainsValue(["a"], name)"#,
            r#"Coalesce([attributes["none"], attributes["int"], Int(name)]) == 500 and Coalesce([nil]) == nil"#,
            r#"IsEmpty(attributes["none"]) and IsEmpty("") and IsEmpty([]) and not IsEmpty(attributes)"#,
            r#"Minutes(Duration("90s")) == 1.5 and Hours(Duration("-30m")) == -0.5 and Nanoseconds(Duration("1us")) == 1000"#,
            r#"UnixNano(start_time) == 1000000000 and UnixMilli(end_time) == 1750 and UnixSeconds(end_time) == 1"#,
            r#"IsMatch(pattern = "x", target = "x") and Substring(name, length = 3, start = 0) == "GET""#,
        ],
    );
    all(
        None,
        &[
            r#"Int(attributes["text"]) == 1"#,
            r#"Double(attributes["text"]) == 1"#,
            r#"Bool(attributes["text"])"#,
            r#"Len(attributes["int"]) == 1"#,
            r#"Substring(attributes["text"], 5, 9) == """#,
            r#"Substring(attributes["text"], 0, attributes["int"] - 500) == """#,
            r#"ToLowerCase(attributes["int"]) == "500""#,
            r#"HasPrefix(attributes["none"], "a")"#,
            r#"Split(name, "/")[2] == "x""#,
            r#"attributes["list"][3] == 1"#,
            r#"attributes["list"]["a"] == 1"#,
            r#"attributes["map"][0] == 1"#,
            r#"attributes["int"]["a"] == 1"#,
            r#"attributes["empty"]["a"] == nil"#,
            r#"Duration(attributes["text"]) > Duration("1s")"#,
            r#"IsMatch(attributes["nan"], "NaN")"#,
            r#"TraceID(attributes["text"]) == trace_id"#,
            r#"Coalesce([attributes["none"], name])"#,
        ],
    );
}

#[test]
fn what_is_huge_makes_nothing_huge() {
    let long = "x,".repeat(40_000);
    let many = || list((0..100_000).map(Proto::IntValue).collect());
    let spans = sample_with(|span| {
        let keys: Vec<String> = (0..2_000).map(|number| number.to_string()).collect();
        let large = keys.iter().map(|key| (key.as_str(), Proto::BoolValue(true))).collect();
        span.attributes = attributes(vec![("long", text(&long)), ("many", many()), ("large", map(large))]);
    });
    for (condition, says) in [
        (r#"Len(attributes["long"]) == 80000 and HasPrefix(attributes["long"], "x,")"#, Some(true)),
        (r#"IsMatch(attributes["long"], "^(x,)+$") and Index(attributes["long"], "y") == -1"#, Some(true)),
        (r#"attributes["many"][99999] == 99999 and ContainsValue(attributes["many"], 99999)"#, Some(true)),
        (r#"attributes["many"] == attributes["many"] and Len(attributes["many"]) == 100000"#, Some(true)),
        (r#"attributes["large"] == attributes["large"]"#, Some(false)),
        (r#"Len(Split(attributes["long"], ",")) == 40001"#, None),
        (r#"ToUpperCase(attributes["long"]) == "X""#, None),
        (r#"String(attributes["many"]) == "[]""#, None),
        (r#"IsMatch(attributes["large"], "true")"#, None),
        (r#"Concat(attributes["many"], ",") == "0""#, None),
        (r#"Concat([attributes["long"], "x"], ",") == "0""#, None),
    ] {
        assert_eq!(said(condition, &spans), says, "{condition}");
    }
}

#[test]
fn what_decides_first_keeps_the_rest_from_failing() {
    let fails = r#"Int(attributes["text"]) == 1"#;
    all(Some(true), &[&format!("true or {fails}"), &format!("not (false and {fails})")]);
    all(None, &[&format!("{fails} or true"), &format!("true and {fails}"), &format!("not {fails}")]);
}
