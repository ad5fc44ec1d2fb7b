//! What a pattern means, and where it is wrong.

use super::*;

/// Which of the texts a pattern matches.
#[track_caller]
fn check(pattern: &str, matches: &[&str], misses: &[&str]) {
    let translated = read(pattern).unwrap_or_else(|problem| panic!("{problem}"));
    let regex = Regex::new(&translated).expect("it was read");
    for text in matches {
        assert!(regex.is_match(text.as_bytes()), "{pattern} ({translated}) matches {text:?}");
    }
    for text in misses {
        assert!(!regex.is_match(text.as_bytes()), "{pattern} ({translated}) does not match {text:?}");
    }
}

#[test]
fn classes_of_perl_know_ascii_alone() {
    check(r"^\d$", &["7"], &["٣", "a"]);
    check(r"^\w$", &["a", "_"], &["é", "-"]);
    check(r"^\W$", &["é", "-"], &["a"]);
    check(r"^\s$", &[" ", "\t"], &["\u{a0}", "\u{b}"]);
    check(r"^\S$", &["\u{a0}"], &[" "]);
    check(r"^\D$", &["٣"], &["3"]);
    check(r"^[\d-]+$", &["1-2"], &["a"]);
    check(r"^[^\W\d]$", &["a"], &["1", "é"]);
    check(r"\bb\b", &["a b", "éb"], &["ab"]);
    check(r"é\B", &["é"], &["éa"]);
}

#[test]
fn what_the_crate_reads_in_its_own_way_is_read_as_it_stands() {
    check(r"^[a&&b]$", &["&", "a"], &["c"]);
    check("^[a[b]$", &["[", "a", "b"], &["]"]);
    check("^[]a]$", &["]", "a"], &["["]);
    check("^[^]a]$", &["b"], &["]", "a"]);
    check("^[a~~b]$", &["~"], &["c"]);
    check("^[+--]$", &["+", ",", "-"], &["."]);
    check("^[---]$", &["-"], &["b"]);
    check(r"^[a-c-e\d-z]$", &["b", "-", "e", "5", "z"], &["d", "y"]);
    check(r"^[\x41-\x43\]-_]$", &["B", "]", "^", "_"], &["D"]);
    check("^[[:alpha:]-]$", &["x", "-"], &["1", ":"]);
    check("^a{,2}$", &["a{,2}"], &["aa"]);
    check("^{x}$", &["{x}"], &["x"]);
    check("^a{2}$", &["aa"], &["a{2}"]);
    check("^a{1,}?b{0,1}$", &["aab"], &["b"]);
    check(r"^\Qa.b*\E+$", &["a.b**"], &["axb"]);
    check(r"\Q(", &["("], &[""]);
    check(r"^\101\0$", &["A\0"], &["101"]);
    check(r"^\x{e9}\x41\p{Greek}\PL$", &["éAλ1"], &["éAa1", "éAλλ"]);
    check(r"^\/\-\<$", &["/-<"], &[""]);
    check(r"(?i)^(?P<name>ab)(?:c)$", &["aBc", "ABC"], &["ab"]);
    check("b$", &["ab"], &["b\n"]);
}

#[test]
fn what_is_wrong_is_said_with_its_place_in_the_pattern_as_written() {
    let cases = [
        ("(a", "unclosed group", 1),
        (" (a", "unclosed group", 2),
        (r"\d\d(", "unclosed group", 5),
        (r"é\Q.\E)", "unopened group", 7),
        ("[a--b]", "the start must be <= the end", 2),
        ("a**", "a repetition of a repetition", 3),
        ("a{2}{3}", "a repetition of a repetition", 5),
        ("a{1001}", "more than 1000 repetitions", 2),
        (r"(a)\1", "a reference to a group", 4),
        (r"\u00e9", "an escape that RE2 does not know", 1),
        ("(?=a)", "a group that RE2 does not know", 1),
        ("(?x)a", "a group that RE2 does not know", 1),
        ("x[a", "unclosed character class", 2),
        ("a\\", "a backslash at the end", 2),
        ("*a", "repetition operator missing expression", 1),
        (r"[a\b]", "an escape that RE2 does not know", 3),
    ];
    for (pattern, what, at) in cases {
        let said = read(pattern).expect_err(pattern);
        assert!(said.contains(&format!("{what}, at character {at}")), "{pattern}: {said}");
    }
}

proptest::proptest! {
    #[test]
    fn reading_a_pattern_ends(pattern in r"[-\[\]()?*+{},\\dwQExPab01:&~^$é]{0,14}") {
        let _ = read(&pattern);
    }
}
