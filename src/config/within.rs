//! A place inside a text, found again in what was written: quotes, escapes, folded lines and indentation lie between the
//! two.

use std::ops::Range;

/// The bytes of `raw`, a scalar as it is written in YAML, that stand for the bytes `range` of its `text`; none where that
/// cannot be told.
pub fn within(raw: &str, text: &str, range: &Range<usize>) -> Option<Range<usize>> {
    let mut style = Style::of(raw);
    let (mut start, mut end) = (None, None);
    for (at, character) in text.char_indices() {
        let written = if character.is_whitespace() { style.at..style.at } else { style.find(raw, character)? };
        if range.start <= at && start.is_none() {
            start = Some(written.start);
        }
        if at < range.end || end.is_none() {
            end = Some(written.end);
        }
    }
    // A place behind the last character is that of the end.
    let end = end?;
    Some(start.unwrap_or(end)..end)
}

/// How a scalar is quoted, and how far it has been read.
struct Style {
    quote: Option<char>,
    at: usize,
}

impl Style {
    fn of(raw: &str) -> Style {
        match raw.chars().next() {
            Some(quote @ ('"' | '\'')) => Style { quote: Some(quote), at: 1 },
            // The first line of a block says how it is folded.
            Some('|' | '>') => Style { quote: None, at: raw.find('\n').unwrap_or(raw.len()) },
            Some(_) | None => Style { quote: None, at: 0 },
        }
    }

    /// The bytes that stand for `character`, which is no space: what comes before it may only be space.
    fn find(&mut self, raw: &str, character: char) -> Option<Range<usize>> {
        loop {
            let rest = raw.get(self.at..)?;
            let (written, len) = self.unit(rest)?;
            let from = self.at;
            self.at += len;
            if written == character {
                return Some(from..self.at);
            }
            if !written.is_whitespace() {
                return None;
            }
        }
    }

    /// The first character of what was written, and the bytes that it takes.
    fn unit(&self, rest: &str) -> Option<(char, usize)> {
        let mut characters = rest.chars();
        let first = characters.next()?;
        match (self.quote, first) {
            (Some('\''), '\'') => (characters.next() == Some('\'')).then_some(('\'', 2)),
            (Some('"'), '"') => None,
            (Some('"'), '\\') => match characters.next()? {
                same @ ('"' | '\\' | '/') => Some((same, 2)),
                'n' | 't' | 'r' | ' ' | '\n' => Some((' ', 2)),
                _ => None,
            },
            _ => Some((first, first.len_utf8())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(raw: &str, text: &str, part: &str, written: Option<&str>) {
        let at = text.find(part).expect("a part of the text");
        let found = within(raw, text, &(at..at + part.len()));
        assert_eq!(found.map(|found| &raw[found]), written);
    }

    #[test]
    fn a_part_is_found_however_its_text_is_written() {
        check("a == b", "a == b", "== b", Some("== b"));
        check("'a == ''b'''", "a == 'b'", "'b'", Some("''b''"));
        check(r#""a == \"b\\\\d\"""#, r#"a == "b\\d""#, r#""b\\d""#, Some(r#"\"b\\\\d\""#));
        check("a ==\n     bc", "a == bc", "bc", Some("bc"));
        check("|\n    a ==\n    bc\n", "a ==\nbc\n", "bc", Some("bc"));
        check(">-\n    a ==\n    bc\n", "a == bc", "bc", Some("bc"));
        check(
            r#""a\n\
            == bé""#,
            "a\n== b\u{e9}",
            "b\u{e9}",
            Some("b\u{e9}"),
        );
    }

    #[test]
    fn what_cannot_be_told_is_not_guessed() {
        check(r#""a == \x62""#, "a == b", "b", None);
        check("a == c", "a == b", "b", None);
    }

    #[test]
    fn the_end_of_a_text_is_a_place_too() {
        assert_eq!(within("'a =='", "a ==", &(4..4)), Some(5..5));
        assert_eq!(within("''", "", &(0..0)), None);
    }
}
