//! Which lines may hold a secret, told from the text alone: a file that cannot be read as YAML holds its headers all the
//! same. In doubt a line is not shown.

/// Whether the line with this byte belongs to headers, or to anything else that reads like a secret.
pub(super) fn stands_in(text: &str, byte: usize) -> bool {
    let mut scan = Scan::default();
    let mut secret: Option<Open> = None;
    let mut end = 0;
    for line in text.split_inclusive('\n') {
        end += line.len();
        if secret.as_ref().is_some_and(|open| open.ends_before(line, &scan)) {
            secret = None;
        }
        if secret.is_none() && reads_like_one(line) {
            secret = Some(Open { indent: indent(line), nesting: scan.nesting });
        }
        if byte < end {
            return secret.is_some();
        }
        scan.line(line);
    }
    // The end of the text counts as its last line.
    secret.is_some()
}

/// Whether a word of it names or begins what others must not read.
pub(super) fn reads_like_one(text: &str) -> bool {
    let text = text.to_ascii_lowercase();
    WORDS.iter().any(|word| text.contains(word))
}

/// A line that reads like a secret, and what hangs below it.
struct Open {
    indent: usize,
    nesting: usize,
}

impl Open {
    /// Whether this line is behind it. Between brackets how far a line is indented says nothing.
    fn ends_before(&self, line: &str, scan: &Scan) -> bool {
        if line.trim().is_empty() || scan.quote.is_some() {
            return false;
        }
        match self.nesting {
            0 => scan.nesting == 0 && indent(line) <= self.indent && !line.trim_start().starts_with('-'),
            nesting => scan.nesting < nesting,
        }
    }
}

fn indent(line: &str) -> usize {
    line.len() - line.trim_start_matches(' ').len()
}

/// How deep in brackets the end of a line is, and whether it is inside quotes.
#[derive(Default)]
struct Scan {
    nesting: usize,
    quote: Option<char>,
}

impl Scan {
    fn line(&mut self, line: &str) {
        let mut escaped = false;
        // The last character that is no space: a quote opens only where a value may begin.
        let mut before = ':';
        let mut spaced = true;
        for character in line.chars() {
            match (self.quote, character) {
                (Some(_), _) if escaped => escaped = false,
                (Some('"'), '\\') => escaped = true,
                (Some(quote), _) if character == quote => self.quote = None,
                (Some(_), _) => {}
                (None, '#') if spaced => return,
                (None, '"' | '\'') if ":,-{[=".contains(before) => self.quote = Some(character),
                (None, '{' | '[') => self.nesting += 1,
                (None, '}' | ']') => self.nesting = self.nesting.saturating_sub(1),
                (None, _) => {}
            }
            spaced = character.is_whitespace();
            if !spaced {
                before = character;
            }
        }
    }
}

/// Parts of names and values that are nobody else's business, in lower case.
const WORDS: [&str; 12] = [
    "header",
    "authorization",
    "bearer ",
    "basic ",
    "token",
    "secret",
    "passw",
    "cookie",
    "credential",
    "api-key",
    "api_key",
    "apikey",
];

#[cfg(test)]
mod tests {
    use super::*;

    /// The lines that are shown.
    #[track_caller]
    fn check(text: &str, expected: &[&str]) {
        let starts = text.split_inclusive('\n').scan(0, |start, line| {
            *start += line.len();
            Some((*start - line.len(), line.trim_end()))
        });
        let shown: Vec<&str> = starts.filter(|(start, _)| !stands_in(text, *start)).map(|(_, line)| line).collect();
        assert_eq!(shown, expected, "{text}");
    }

    #[test]
    fn headers_end_where_their_block_ends() {
        check(
            "upstream:\n  headers:\n    x: hunter2\n\n    y: hunter2\n  timeout: 5s\n",
            &["upstream:", "  timeout: 5s"],
        );
        check("headers:\n- x: hunter2\nbatch:\n", &["batch:"]);
    }

    #[test]
    fn between_brackets_headers_end_where_the_bracket_ends() {
        let text = "upstream: {\n  headers: {\n  x: \"hun}ter2\", # }\ny: hunter2},\n z: it's}\nbatch:\n";
        check(text, &["upstream: {", "batch:"]);
        check("upstream: {headers:\n{x: hunter2}}\nbatch:\n", &["batch:"]);
        check("upstream: {headers: {x: hunter2}}}}\nbatch:\n", &["batch:"]);
    }

    #[test]
    fn a_quote_or_a_bracket_that_never_closes_hides_the_rest() {
        check("headers: {x: \"hunter2}\nbatch:\nmore: hunter2\n", &[]);
        check("headers: [\nbatch:\n", &[]);
    }

    #[test]
    fn what_reads_like_a_secret_is_not_shown_anywhere() {
        check("a: 1\nX-API-Key: hunter2\nb: Bearer hunter2\nc: key_file\n", &["a: 1", "c: key_file"]);
        assert!(!stands_in("", 0));
    }
}
