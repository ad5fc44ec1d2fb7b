//! Where a setting was written: in which source, and at which bytes of it.

use crate::config::secret;

/// One place settings come from: a file, an environment variable, a flag, or the defaults.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// What kind of place it is, and its name there.
    pub name: Name,
    /// All that is written there.
    pub text: String,
}

/// What kind of place it is, and its name there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Name {
    /// Nobody wrote it.
    Default,
    /// A file, by its path as given.
    File(String),
    /// An environment variable.
    Variable(String),
    /// A flag on the command line.
    Flag(String),
}

impl std::fmt::Display for Name {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Name::Default => out.write_str("default"),
            Name::File(path) => out.write_str(path),
            Name::Variable(name) => write!(out, "environment variable {name}"),
            Name::Flag(name) => write!(out, "flag {name}"),
        }
    }
}

/// Bytes of a source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct At {
    /// Which source, in the order of [`Sources`].
    pub source: usize,
    /// First byte.
    pub start: usize,
    /// First byte after.
    pub end: usize,
}

/// All sources read, so that an [`At`] can be shown.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    sources: Vec<Source>,
    hidden: Vec<At>,
}

/// A place as people count: from 1, columns in characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LineColumn<'a> {
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
    /// The line itself, without its end.
    pub text: &'a str,
}

impl Sources {
    /// Adds a source and gives its number.
    pub fn add(&mut self, name: Name, text: impl Into<String>) -> usize {
        self.sources.push(Source { name, text: text.into() });
        self.sources.len() - 1
    }

    /// The source with this number.
    pub fn get(&self, number: usize) -> &Source {
        &self.sources[number]
    }

    /// The whole text of a source.
    pub fn whole(&self, source: usize) -> At {
        At { source, start: 0, end: self.sources[source].text.len() }
    }

    /// Lets nobody see a line that these bytes are part of.
    pub fn hide(&mut self, at: At) {
        self.hidden.push(at);
    }

    /// Whether the line in which a place begins may hold a secret.
    pub fn may_hold_a_secret(&self, at: At) -> bool {
        let Source { name, text } = self.get(at.source);
        if matches!(name, Name::Variable(name) if name == "TAILWATER__UPSTREAM" || name.contains("HEADERS")) {
            return true;
        }
        let (start, end) = line_around(text, at.start);
        let shown = |hidden: &At| hidden.source == at.source && hidden.start < end.max(start + 1) && start < hidden.end;
        self.hidden.iter().any(shown) || secret::stands_in(text, start)
    }

    /// Line, column and text of a place.
    pub fn line_column(&self, at: At) -> LineColumn<'_> {
        let text = &self.sources[at.source].text;
        let start = floor(text, at.start);
        let (line_start, line_end) = line_around(text, start);
        LineColumn {
            line: text[..line_start].matches('\n').count() + 1,
            column: text[line_start..start].chars().count() + 1,
            text: text[line_start..line_end].trim_end_matches('\r'),
        }
    }

    /// How many characters of its first line a place covers, at least one.
    pub fn width(&self, at: At) -> usize {
        let text = &self.sources[at.source].text;
        let (start, end) = (floor(text, at.start), floor(text, at.end));
        let covered = text.get(start..end).unwrap_or_default();
        covered.lines().next().unwrap_or_default().trim_end().chars().count().max(1)
    }

    /// The place in one word, as in `tailwater.yaml:3:10` or `TAILWATER__BATCH__DELAY`.
    pub fn origin(&self, at: At) -> String {
        match &self.sources[at.source].name {
            Name::File(path) => {
                let place = self.line_column(at);
                format!("{path}:{}:{}", place.line, place.column)
            }
            Name::Default => "default".into(),
            Name::Variable(name) | Name::Flag(name) => name.clone(),
        }
    }
}

/// First byte of the line around a byte, and the first behind it, its end not included.
fn line_around(text: &str, at: usize) -> (usize, usize) {
    let at = floor(text, at);
    let start = text[..at].rfind('\n').map_or(0, |end| end + 1);
    (start, text[start..].find('\n').map_or(text.len(), |end| start + end))
}

/// The nearest place at or before `at` where a character begins.
fn floor(text: &str, at: usize) -> usize {
    let mut at = at.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}
