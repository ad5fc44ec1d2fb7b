//! What is wrong with a configuration, shown with its place, the line it stands in, and what would be right.

use std::fmt::Write;
use std::ops::Range;

use crate::config::place::{At, Name, Sources};
use crate::config::within::within;

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Where; none where nothing was written.
    pub at: Option<At>,
    /// The text that stands there, and which bytes of it are meant.
    pub inside: Option<Box<(String, Range<usize>)>>,
    /// What is wrong, as a lower-case sentence.
    pub message: String,
    /// What would be right; one line each, and at least one.
    pub help: Vec<String>,
    /// Whether the line may hold a secret, so that it is not shown.
    pub secret: bool,
}

/// Something wrong, before anyone said what would be right. It is no [`Problem`] until then, so that nobody is left alone
/// with one.
#[derive(Clone, Debug)]
#[must_use]
pub struct Wrong {
    at: Option<At>,
    message: String,
}

impl Wrong {
    /// The problem, with a line about what would be right.
    pub fn help(self, line: impl Into<String>) -> Problem {
        Problem { at: self.at, inside: None, message: self.message, help: vec![line.into()], secret: false }
    }
}

impl Problem {
    /// Something wrong at a place, if there is one.
    pub fn at(at: impl Into<Option<At>>, message: impl Into<String>) -> Wrong {
        Wrong { at: at.into(), message: message.into() }
    }

    /// Something wrong that stands nowhere.
    pub fn nowhere(message: impl Into<String>) -> Wrong {
        Problem::at(None, message)
    }

    /// The same, with one more line about what would be right.
    pub fn help(mut self, line: impl Into<String>) -> Problem {
        self.help.push(line.into());
        self
    }

    /// The same, for some bytes of the text that stands there.
    pub fn inside(mut self, text: &str, bytes: Range<usize>) -> Problem {
        self.inside = Some(Box::new((text.to_owned(), bytes)));
        self
    }

    /// Its place, narrowed down to the bytes meant where they can be found in what was written.
    pub fn place(&self, sources: &Sources) -> Option<At> {
        let at = self.at?;
        let raw = sources.get(at.source).text.get(at.start..at.end);
        let found = self.inside.as_deref().zip(raw).and_then(|((text, bytes), raw)| within(raw, text, bytes));
        Some(found.map_or(at, |found| At { start: at.start + found.start, end: at.start + found.end, ..at }))
    }

    /// The same, without showing the line it stands in.
    pub fn hidden(mut self) -> Problem {
        self.secret = true;
        self
    }

    /// The problem as a person reads it, ended by a line end.
    pub fn render(&self, sources: &Sources) -> String {
        let mut out = format!("error: {}\n", self.message);
        let margin = match self.place(sources) {
            Some(at) => render_place(&mut out, sources, at, self.secret),
            None => 2,
        };
        for (index, line) in self.help.iter().enumerate() {
            let mark = if index == 0 { "= help:" } else { "       " };
            push(&mut out, format_args!("{:margin$} {mark} {line}\n", ""));
        }
        out
    }
}

/// Writes place, line and caret; gives the width of the margin.
fn render_place(out: &mut String, sources: &Sources, at: At, secret: bool) -> usize {
    let name = &sources.get(at.source).name;
    let place = sources.line_column(at);
    let number = match name {
        Name::File(_) => place.line.to_string(),
        Name::Default | Name::Variable(_) | Name::Flag(_) => String::new(),
    };
    let margin = number.len().max(1) + 1;
    match name {
        Name::File(path) => {
            push(out, format_args!("{:margin$}--> {path}:{}:{}\n", "", place.line, place.column));
        }
        other => push(out, format_args!("{:margin$}--> {other}\n", "")),
    }
    if secret || sources.may_hold_a_secret(at) {
        push(out, format_args!("{:margin$} | (not shown: the line may hold a secret)\n", ""));
        return margin;
    }
    let (text, column) = crop(place.text, place.column);
    let indent: String =
        text.chars().take(column - 1).map(|character| if character == '\t' { '\t' } else { ' ' }).collect();
    let width = sources.width(at).min(text.chars().count().saturating_sub(column - 1).max(1));
    push(out, format_args!("{:margin$} |\n", ""));
    push(out, format_args!("{number:>margin$} | {}\n", printable(&text)));
    push(out, format_args!("{:margin$} | {indent}{}\n", "", "^".repeat(width)));
    margin
}

/// A long line shortened around the column, and the column in what is left.
fn crop(line: &str, column: usize) -> (String, usize) {
    let length = line.chars().count();
    if length <= LINE_MAX {
        return (line.to_owned(), column);
    }
    let skip = column.saturating_sub(LINE_MAX / 2);
    let mut text: String = line.chars().skip(skip).take(LINE_MAX).collect();
    let mut column = column - skip;
    if skip + LINE_MAX < length {
        text.push('…');
    }
    if 0 < skip {
        text.insert(0, '…');
        column += 1;
    }
    (text, column)
}

/// The line without characters that a terminal would obey.
fn printable(line: &str) -> String {
    line.chars()
        .map(|character| if character.is_control() && character != '\t' { '\u{fffd}' } else { character })
        .collect()
}

fn push(out: &mut String, text: std::fmt::Arguments<'_>) {
    out.write_fmt(text).expect("writing to a String cannot fail");
}

/// Longest source line shown, in characters.
const LINE_MAX: usize = 120;
