//! Regular expressions in RE2's syntax, as the Collector has them, for a crate whose syntax is a little wider: what the two
//! read differently is rewritten so that it means here what it means there, and what RE2 does not know is refused.
//!
//! `\d`, `\w`, `\s` and `\b` know ASCII alone; `\Q…\E` is a text; `\123` is a character by its octal number; inside a class
//! `[`, `&&` and `~~` are themselves, and so is a `-` that is not in the middle of a range; a `{` that begins no count is one.

use regex::bytes::Regex;

/// The pattern as the crate is to read it, or what is wrong with it and where.
pub(super) fn read(pattern: &str) -> Result<String, String> {
    let mut reading = Reading { left: pattern.char_indices().collect(), at: 0, out: String::new(), places: Vec::new() };
    let refused = |place: usize, what: &str| {
        let character = pattern[..place].chars().count() + 1;
        format!("`{pattern}` is no regular expression: {what}, at character {character}")
    };
    reading.all().map_err(|Fault { place, what }| refused(place, what))?;
    match Regex::new(&reading.out) {
        Ok(_) => Ok(reading.out),
        Err(error) => Err(match explain(&reading.out, &error) {
            (what, Some(at)) => refused(reading.places.get(at).copied().unwrap_or(pattern.len()), &what),
            (what, None) => format!("`{pattern}` is no regular expression: {what}"),
        }),
    }
}

/// What is not RE2's, and where it is, in bytes.
#[derive(Debug)]
struct Fault {
    place: usize,
    what: &'static str,
}

/// A pattern on the way from one syntax to the other.
struct Reading {
    left: Vec<(usize, char)>,
    at: usize,
    out: String,
    /// For each character written, the place of the one it came from.
    places: Vec<usize>,
}

impl Reading {
    fn all(&mut self) -> Result<(), Fault> {
        while let Some(next) = self.peek(0) {
            match next {
                '\\' => self.escape(false)?,
                '[' => self.class()?,
                '{' if self.count().is_none() => self.rewrite(1, r"\{"),
                '(' if self.peek(1) == Some('?') => self.group()?,
                '*' | '+' | '?' | '{' => self.repetition()?,
                _ => self.copy(1),
            }
        }
        Ok(())
    }

    fn peek(&self, ahead: usize) -> Option<char> {
        self.left.get(self.at + ahead).map(|&(_, character)| character)
    }

    fn fault<T>(&self, what: &'static str) -> Result<T, Fault> {
        Err(Fault { place: self.left.get(self.at).map_or(0, |&(place, _)| place), what })
    }

    /// Takes `count` characters over as they are.
    fn copy(&mut self, count: usize) {
        for &(place, character) in self.left.iter().skip(self.at).take(count) {
            self.out.push(character);
            self.places.push(place);
        }
        self.at += count;
    }

    /// Puts `text` in the place of `count` characters.
    fn rewrite(&mut self, count: usize, text: &str) {
        let place = self.left[self.at].0;
        self.places.extend(text.chars().map(|_| place));
        self.out.push_str(text);
        self.at += count;
    }

    fn escape(&mut self, in_class: bool) -> Result<(), Fault> {
        let Some(letter) = self.peek(1) else { return self.fault("a backslash at the end") };
        let set = |inside: &'static str, alone: &'static str| if in_class { inside } else { alone };
        match letter {
            'd' => self.rewrite(2, set("0-9", "[0-9]")),
            'w' => self.rewrite(2, set("0-9A-Za-z_", "[0-9A-Za-z_]")),
            's' => self.rewrite(2, set(r"\t\n\f\r ", r"[\t\n\f\r ]")),
            'D' => self.rewrite(2, "[^0-9]"),
            'W' => self.rewrite(2, "[^0-9A-Za-z_]"),
            'S' => self.rewrite(2, r"[^\t\n\f\r ]"),
            'b' if !in_class => self.rewrite(2, r"(?-u:\b)"),
            'B' if !in_class => self.rewrite(2, r"(?-u:\B)"),
            'Q' if !in_class => self.literal(),
            '0'..='7' => return self.octal(),
            'A' | 'z' if !in_class => self.copy(2),
            'p' | 'P' | 'x' => self.copy(2 + self.braced()),
            'a' | 'f' | 'n' | 'r' | 't' | 'v' => self.copy(2),
            _ if letter.is_ascii_punctuation() => self.rewrite(2, &regex::escape(letter.encode_utf8(&mut [0; 4]))),
            _ => return self.fault("an escape that RE2 does not know"),
        }
        Ok(())
    }

    /// How long the `{…}` behind the escape here is, which is a name or a number and no count.
    fn braced(&self) -> usize {
        match self.peek(2) {
            Some('{') => (2..).take_while(|&ahead| !matches!(self.peek(ahead), None | Some('}'))).count() + 1,
            _ => 0,
        }
    }

    /// `\Q…\E`, the end of which may be that of the pattern.
    fn literal(&mut self) {
        self.at += 2;
        while let Some(next) = self.peek(0) {
            if next == '\\' && self.peek(1) == Some('E') {
                self.at += 2;
                return;
            }
            self.rewrite(1, &regex::escape(next.encode_utf8(&mut [0; 4])));
        }
    }

    /// A character by its octal number. A single digit above 0 would be a reference to a group, which RE2 has not.
    fn octal(&mut self) -> Result<(), Fault> {
        let digits = (1..4).map_while(|ahead| self.peek(ahead)?.to_digit(8)).collect::<Vec<_>>();
        if digits.len() == 1 && digits != [0] {
            return self.fault("a reference to a group");
        }
        let number = digits.iter().fold(0, |number, digit| number * 8 + digit);
        self.rewrite(1 + digits.len(), &format!(r"\x{{{number:x}}}"));
        Ok(())
    }

    fn class(&mut self) -> Result<(), Fault> {
        let opened = self.fault("unclosed character class");
        self.copy(1);
        if self.peek(0) == Some('^') {
            self.copy(1);
        }
        let first = self.at;
        while let Some(next) = self.peek(0) {
            if next == ']' && first < self.at {
                self.copy(1);
                return Ok(());
            }
            // What stands on both sides of a `-` is a range; a `-` anywhere else is itself.
            let ranges = self.member()? && self.peek(0) == Some('-') && !matches!(self.peek(1), None | Some(']'));
            if ranges {
                self.copy(1);
                self.member()?;
            }
        }
        opened
    }

    /// One member of a class; whether it is a single character, which may begin a range.
    fn member(&mut self) -> Result<bool, Fault> {
        match (self.peek(0), self.peek(1), self.named_class()) {
            (Some('['), _, Some(len)) => {
                self.copy(len);
                return Ok(false);
            }
            (Some('\\'), Some(letter), _) => {
                self.escape(true)?;
                return Ok(!matches!(letter, 'd' | 'D' | 'w' | 'W' | 's' | 'S' | 'p' | 'P' | 'x'));
            }
            (Some('\\'), None, _) => self.escape(true)?,
            (Some(sign @ (']' | '[' | '&' | '~' | '-')), ..) => self.rewrite(1, &format!(r"\{sign}")),
            _ => self.copy(1),
        }
        Ok(true)
    }

    /// How long `[:name:]` is, if that is what stands here.
    fn named_class(&self) -> Option<usize> {
        (self.peek(0) == Some('[') && self.peek(1) == Some(':')).then_some(())?;
        let end = (2..).take_while(|&ahead| self.peek(ahead).is_some()).find(|&ahead| self.peek(ahead) == Some(':'))?;
        (self.peek(end + 1) == Some(']')).then_some(end + 2)
    }

    /// `(?`: a name, or flags.
    fn group(&mut self) -> Result<(), Fault> {
        if let Some('P' | '<') = self.peek(2) {
            self.copy(3);
            return Ok(());
        }
        let mut len = 2;
        while let Some('i' | 'm' | 's' | 'U' | '-') = self.peek(len) {
            len += 1;
        }
        match self.peek(len) {
            None | Some(':' | ')') => {
                self.copy(len);
                Ok(())
            }
            Some(_) => self.fault("a group that RE2 does not know"),
        }
    }

    /// How long `{n}`, `{n,}` or `{n,m}` is and the largest number in it, if that is what stands here.
    fn count(&self) -> Option<(usize, u64)> {
        (self.peek(0) == Some('{')).then_some(())?;
        let text: String = (1..).map_while(|ahead| self.peek(ahead)).take_while(|&next| next != '}').collect();
        (self.peek(text.chars().count() + 1) == Some('}')).then_some(())?;
        let number = |text: &str| {
            let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
            digits.then(|| text.parse().unwrap_or(u64::MAX))
        };
        let most = match text.split_once(',') {
            None => number(&text)?,
            Some((least, "")) => number(least)?,
            Some((least, most)) => number(least)?.max(number(most)?),
        };
        Some((text.len() + 2, most))
    }

    /// A repetition, which cannot be repeated again without parentheses.
    fn repetition(&mut self) -> Result<(), Fault> {
        let (len, most) = self.count().unwrap_or((1, 0));
        if REPEAT_MAX < most {
            return self.fault("more than 1000 repetitions");
        }
        self.copy(len);
        if self.peek(0) == Some('?') {
            self.copy(1);
        }
        match self.peek(0) {
            Some('*' | '+' | '?') => self.fault("a repetition of a repetition"),
            Some('{') if self.count().is_some() => self.fault("a repetition of a repetition"),
            _ => Ok(()),
        }
    }
}

/// What is wrong with a pattern, and at which of its characters. The crate draws the pattern, a caret under the place, and
/// then says what it is; of a drawing that is not understood, all lines are said.
fn explain(pattern: &str, error: &regex::Error) -> (String, Option<usize>) {
    let text = error.to_string();
    let lines: Vec<&str> = text.lines().collect();
    let what = lines.iter().find_map(|line| line.strip_prefix("error: "));
    let caret = lines.windows(2).find_map(|pair| {
        let drawn = pair[0].strip_suffix(pattern).is_some_and(|before| before.trim_start().is_empty());
        drawn.then(|| pair[1].find('^').map(|at| at.saturating_sub(pair[0].len() - pattern.len())))?
    });
    (what.map_or_else(|| lines.join(" "), str::to_owned), caret)
}

/// Repetitions that RE2 takes.
const REPEAT_MAX: u64 = 1000;

#[cfg(test)]
mod tests;
