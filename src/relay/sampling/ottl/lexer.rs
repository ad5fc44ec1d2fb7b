//! An expression as words: names, literals, signs, each with the bytes of the expression that it stands in.

use std::ops::Range;

use super::Fault;

/// One word of an expression.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Token {
    /// A name: of a path, an enum or a function.
    Name(String),
    /// Text, escapes resolved.
    Text(String),
    /// A whole number without sign.
    Int(i64),
    /// A number with a point, without sign.
    Float(f64),
    /// Bytes, written `0x` and hexadecimal digits.
    Bytes(Vec<u8>),
    /// A word of the language or a sign.
    Sign(&'static str),
    /// The end of the expression.
    End,
}

/// A word and where it stands.
pub(super) type Word = (Token, Range<usize>);

/// Words of the language.
const KEYWORDS: [&str; 6] = ["nil", "true", "false", "not", "and", "or"];

/// Signs, longer ones before those they begin with.
const SIGNS: [&str; 18] =
    ["==", "!=", ">=", "<=", ">", "<", "+", "-", "*", "/", "=", "(", ")", "[", "]", ",", ".", ":"];

/// All words of an expression, the end included.
pub(super) fn words(text: &str) -> Result<Vec<Word>, Fault> {
    let mut words = Vec::new();
    let mut at = 0;
    loop {
        at += text[at..].len() - text[at..].trim_start().len();
        let Some(first) = text[at..].chars().next() else {
            words.push((Token::End, at..at));
            return Ok(words);
        };
        let (token, len) = match first {
            '"' => quoted(text, at)?,
            '0'..='9' => number(text, at)?,
            '.' if text[at + 1..].starts_with(|next: char| next.is_ascii_digit()) => number(text, at)?,
            'a'..='z' | 'A'..='Z' => name(&text[at..]),
            _ => sign(text, at, first)?,
        };
        words.push((token, at..at + len));
        at += len;
    }
}

fn name(text: &str) -> (Token, usize) {
    let len = run(text, |byte| byte.is_ascii_alphanumeric() || byte == b'_');
    let word = &text[..len];
    match KEYWORDS.iter().find(|keyword| **keyword == word) {
        Some(keyword) => (Token::Sign(keyword), len),
        None => (Token::Name(word.to_owned()), len),
    }
}

fn sign(text: &str, at: usize, first: char) -> Result<(Token, usize), Fault> {
    if let Some(sign) = SIGNS.iter().find(|sign| text[at..].starts_with(**sign)) {
        return Ok((Token::Sign(sign), sign.len()));
    }
    let shown = if first.is_control() { first.escape_default().to_string() } else { first.to_string() };
    let fault = Fault::new(at..at + first.len_utf8(), format!("`{shown}` has no meaning here"));
    Err(match first {
        '\'' | '`' => fault.help("text stands in double quotes"),
        '&' => fault.help("`and`"),
        '|' => fault.help("`or`"),
        '!' => fault.help("`not`, or `!=`"),
        '{' | '}' => fault.help("maps cannot be written out here: compare what is in them, one by one"),
        _ => fault,
    })
}

/// How many bytes from the start `wanted` accepts.
fn run(text: &str, wanted: impl Fn(u8) -> bool) -> usize {
    text.bytes().position(|byte| !wanted(byte)).unwrap_or(text.len())
}

fn number(text: &str, at: usize) -> Result<(Token, usize), Fault> {
    let rest = &text[at..];
    if let Some(digits) = rest.strip_prefix("0x") {
        return bytes(digits, at);
    }
    let digits = |from: usize| run(&rest[from..], |byte| byte.is_ascii_digit());
    let mut len = digits(0);
    let is_float = rest[len..].starts_with('.');
    if is_float {
        len += 1 + digits(len + 1);
        if rest[len..].starts_with(['e', 'E']) {
            let signed = len + 1 + usize::from(rest[len + 1..].starts_with(['+', '-']));
            len = match digits(signed) {
                0 => len,
                more => signed + more,
            };
        }
    }
    let end = len + run(&rest[len..], |byte| byte.is_ascii_alphanumeric() || byte == b'_');
    if len < end {
        let message = format!("`{}` is no number", &rest[..end]);
        return Err(
            Fault::new(at..at + end, message).help("numbers have no unit; durations are written Duration(\"5s\")")
        );
    }
    let too_large = || Fault::new(at..at + len, format!("`{}` does not fit into 64 bits", &rest[..len]));
    let token = match is_float {
        true => Token::Float(rest[..len].parse().ok().filter(|number: &f64| number.is_finite()).ok_or_else(too_large)?),
        false => Token::Int(rest[..len].parse().map_err(|_| too_large())?),
    };
    Ok((token, len))
}

fn bytes(digits: &str, at: usize) -> Result<(Token, usize), Fault> {
    let len = run(digits, |byte| byte.is_ascii_alphanumeric());
    let digits = &digits[..len];
    let value = |at: usize| digits.get(at..at + 2).and_then(|two| u8::from_str_radix(two, 16).ok());
    let bytes: Option<Vec<u8>> = (0..len).step_by(2).map(value).collect();
    match bytes.filter(|bytes| !bytes.is_empty()) {
        Some(bytes) => Ok((Token::Bytes(bytes), len + 2)),
        None => Err(Fault::new(at..at + len + 2, format!("`0x{digits}` is not bytes"))
            .help("`0x` and an even number of hexadecimal digits")),
    }
}

/// Text in double quotes, with the escapes of Go.
fn quoted(text: &str, at: usize) -> Result<(Token, usize), Fault> {
    let mut out = String::new();
    let mut rest = text[at + 1..].char_indices();
    while let Some((from, character)) = rest.next() {
        match character {
            '"' => return Ok((Token::Text(out), from + 2)),
            '\\' => {
                let (read, len) = escape(&text[at + 1 + from..], at + 1 + from)?;
                out.push(read);
                // What the escape took beyond its backslash.
                let skipped = text[at + 2 + from..at + 1 + from + len].chars().count();
                rest.by_ref().take(skipped).for_each(drop);
            }
            other => out.push(other),
        }
    }
    Err(Fault::new(at..text.len(), "this text has no end").help("a second `\"`"))
}

/// The character that an escape at the start of `text` stands for, and its length.
fn escape(text: &str, at: usize) -> Result<(char, usize), Fault> {
    let bad = |len: usize| {
        let shown: String = text.chars().take(len).collect();
        let fault = Fault::new(at..at + shown.len(), format!("`{shown}` is no escape in a text"));
        fault.help(format!("a backslash itself is written twice: `\\{shown}`"))
    };
    let digits = |from: usize, len: usize, radix: u32| {
        let digits =
            text.get(from..from + len).filter(|digits| digits.bytes().all(|byte| byte.is_ascii_alphanumeric()));
        digits.and_then(|digits| u32::from_str_radix(digits, radix).ok()).and_then(char::from_u32)
    };
    let simple = |character: char| Ok((character, 2));
    match text[1..].chars().next() {
        Some('a') => simple('\u{7}'),
        Some('b') => simple('\u{8}'),
        Some('f') => simple('\u{c}'),
        Some('n') => simple('\n'),
        Some('r') => simple('\r'),
        Some('t') => simple('\t'),
        Some('v') => simple('\u{b}'),
        Some(same @ ('\\' | '"')) => simple(same),
        Some('x') => digits(2, 2, 16).map(|read| (read, 4)).ok_or_else(|| bad(4)),
        Some('u') => digits(2, 4, 16).map(|read| (read, 6)).ok_or_else(|| bad(6)),
        Some('U') => digits(2, 8, 16).map(|read| (read, 10)).ok_or_else(|| bad(10)),
        Some('0'..='7') => {
            digits(1, 3, 8).filter(|read| (*read as u32) < 256).map(|read| (read, 4)).ok_or_else(|| bad(4))
        }
        Some(_) | None => Err(bad(2)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens(text: &str) -> Vec<Token> {
        words(text).unwrap_or_else(|fault| panic!("{text}: {fault:?}")).into_iter().map(|(token, _)| token).collect()
    }

    #[track_caller]
    fn refused(text: &str, at: Range<usize>, says: &str) {
        let fault = words(text).expect_err(text);
        assert_eq!((fault.at.clone(), fault.message.contains(says)), (at, true), "{fault:?}");
    }

    #[test]
    fn every_kind_of_word_is_told_apart() {
        let name = |name: &str| Token::Name(name.to_owned());
        assert_eq!(
            tokens(r#"attributes["k"]>=-1.5e3 and not IsMatch(x,.5)==nil or 0xAf0b!=true"#),
            [
                name("attributes"),
                Token::Sign("["),
                Token::Text("k".to_owned()),
                Token::Sign("]"),
                Token::Sign(">="),
                Token::Sign("-"),
                Token::Float(1500.0),
                Token::Sign("and"),
                Token::Sign("not"),
                name("IsMatch"),
                Token::Sign("("),
                name("x"),
                Token::Sign(","),
                Token::Float(0.5),
                Token::Sign(")"),
                Token::Sign("=="),
                Token::Sign("nil"),
                Token::Sign("or"),
                Token::Bytes(vec![0xaf, 0x0b]),
                Token::Sign("!="),
                Token::Sign("true"),
                Token::End,
            ]
        );
        assert_eq!(
            tokens("android nilpotent 9223372036854775807 3."),
            [name("android"), name("nilpotent"), Token::Int(i64::MAX), Token::Float(3.0), Token::End]
        );
    }

    #[test]
    fn words_know_the_bytes_they_stand_in() {
        let places: Vec<Range<usize>> =
            words("\"é\\n\" <=\t name").expect("words").into_iter().map(|(_, at)| at).collect();
        assert_eq!(places, [0..6, 7..9, 11..15, 15..15]);
    }

    #[test]
    fn escapes_are_those_of_go() {
        let text = tokens(r#""\\ \" \a\b\f\n\r\t\v \101 \x41 \u00e9 \U0001F600""#);
        let expect = "\\ \" \u{7}\u{8}\u{c}\n\r\t\u{b} A A \u{e9} \u{1F600}";
        assert_eq!(text, [Token::Text(expect.to_owned()), Token::End]);
        refused(r#"name == "a\d""#, 10..12, r"`\d` is no escape");
        refused(r#""\'""#, 1..3, "no escape");
        refused(r#""\400""#, 1..5, "no escape");
        refused(r#""\ud800""#, 1..7, "no escape");
        refused("\"\\é\"", 1..4, "no escape");
        refused("\"\\", 1..2, "no escape");
    }

    #[test]
    fn what_is_no_word_is_refused_where_it_stands() {
        refused("name == 'x'", 8..9, "no meaning");
        refused("name == \"x", 8..10, "no end");
        refused("a && b", 2..3, "no meaning");
        refused("a == 5s", 5..7, "`5s` is no number");
        refused("a == 1.5x", 5..9, "is no number");
        refused("a == 0x123", 5..10, "is not bytes");
        refused("a == 0x", 5..7, "is not bytes");
        refused("a == 0xzz", 5..9, "is not bytes");
        refused("9223372036854775808", 0..19, "64 bits");
        refused("a == {}", 5..6, "no meaning");
        refused("a == é", 5..7, "no meaning");
    }
}
