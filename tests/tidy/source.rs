//! The tree as it lies there, and a source file without what the compiler of the product does not see: comments and tests.

use std::fs;
use std::path::{Path, PathBuf};

/// The folder that holds Cargo.toml.
pub struct Tree {
    root: PathBuf,
}

/// Folders that are made, not written.
const MADE: &[&str] = &["target", ".git", "__pycache__", ".pytest_cache", "node_modules", "artifacts"];

impl Tree {
    pub fn here() -> Tree {
        Tree { root: PathBuf::from(env!("CARGO_MANIFEST_DIR")) }
    }

    /// The text of a file, by its path from the root.
    pub fn read(&self, path: &str) -> String {
        fs::read_to_string(self.root.join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
    }

    /// The bytes of a file, which need not be text.
    pub fn bytes(&self, path: &str) -> Vec<u8> {
        fs::read(self.root.join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
    }

    pub fn has(&self, path: &str) -> bool {
        self.root.join(path).exists()
    }

    /// Names in a folder, sorted; folders end with a slash.
    pub fn names(&self, folder: &str) -> Vec<String> {
        let entries = fs::read_dir(self.root.join(folder)).unwrap_or_else(|error| panic!("{folder}: {error}"));
        let mut names: Vec<String> = entries
            .map(|entry| {
                let entry = entry.expect("an entry of a folder that could be opened");
                let slash = if entry.path().is_dir() { "/" } else { "" };
                format!("{}{slash}", entry.file_name().to_string_lossy())
            })
            .filter(|name| !MADE.contains(&name.trim_end_matches('/')))
            .collect();
        names.sort();
        names
    }

    /// Every file below a folder that somebody wrote, by its path from the root.
    pub fn files(&self, folder: &str) -> Vec<String> {
        let mut files = Vec::new();
        for name in self.names(folder) {
            let path = if folder.is_empty() { name } else { format!("{folder}/{name}") };
            match path.strip_suffix('/') {
                // What the fuzzer learned; the requests recorded from SDKs lie elsewhere.
                Some("tests/fuzz/corpus") => {}
                Some(folder) if Path::new(&self.root).join(folder).is_symlink() => {}
                Some(folder) => files.extend(self.files(folder)),
                None => files.push(path),
            }
        }
        files
    }

    /// Every Rust file of `src`.
    pub fn sources(&self) -> Vec<Source> {
        let files = self.files("src").into_iter().filter(|path| path.ends_with(".rs"));
        files.map(|path| Source::new(&path, &self.read(&path))).collect()
    }
}

/// One Rust file.
pub struct Source {
    pub path: String,
    pub text: String,
    /// Its lines with their numbers, without comments, and without what is only compiled for tests.
    pub code: Vec<(usize, String)>,
}

impl Source {
    pub fn new(path: &str, text: &str) -> Source {
        let code = if is_test_file(path) { Vec::new() } else { product(text) };
        Source { path: path.to_string(), text: text.to_string(), code }
    }

    /// Where it stands among the modules: `src/relay/otlp/scan.rs` is `["relay", "otlp", "scan"]`.
    pub fn module(&self) -> Vec<&str> {
        let path = self.path.trim_start_matches("src/").trim_end_matches(".rs");
        path.split('/').filter(|part| *part != "lib").collect()
    }

    /// Its room: the first part of its module, or the first two on floor 1.
    pub fn is_in(&self, room: &str) -> bool {
        self.module().first() == Some(&room)
    }
}

/// Whether a whole file is only compiled for tests.
pub fn is_test_file(path: &str) -> bool {
    path.ends_with("/tests.rs") || path.contains("/tests/")
}

/// Lines without comments, and without items under `#[cfg(test)]`.
fn product(text: &str) -> Vec<(usize, String)> {
    let mut code = Vec::new();
    let mut lines = text.lines().enumerate();
    while let Some((at, line)) = lines.next() {
        if line.trim_start().starts_with("#[cfg(test)]") {
            skip_item(line, &mut lines);
            continue;
        }
        let line = without_comment(line);
        if !line.trim().is_empty() {
            code.push((at + 1, line.to_string()));
        }
    }
    code
}

/// Reads past the item that follows an attribute: to its semicolon, or to the brace that closes it at the same indent.
fn skip_item<'a>(attribute: &str, lines: &mut impl Iterator<Item = (usize, &'a str)>) {
    let indent = &attribute[..attribute.len() - attribute.trim_start().len()];
    let close = format!("{indent}}}");
    let mut open = false;
    for (_, line) in lines {
        let code = without_comment(line).trim();
        if !open && (code.ends_with(';') || code.ends_with('}')) && !code.starts_with('#') {
            return;
        }
        open |= code.ends_with('{');
        if open && line.starts_with(&close) {
            return;
        }
    }
}

/// A line up to its comment. Two slashes behind a colon are an address, not a comment.
fn without_comment(line: &str) -> &str {
    let mut from = 0;
    while let Some(at) = line[from..].find("//").map(|at| at + from) {
        if !line[..at].ends_with(':') {
            return &line[..at];
        }
        from = at + 2;
    }
    line
}

/// Whether a name stands in a line as a word of its own.
pub fn has_word(line: &str, word: &str) -> bool {
    let joins = |c: char| c.is_alphanumeric() || c == '_';
    line.match_indices(word).any(|(at, _)| !line[..at].ends_with(joins) && !line[at + word.len()..].starts_with(joins))
}

#[test]
fn comments_and_tests_are_not_the_product() {
    let text = "//! doc\nuse a; // b\n#[cfg(test)]\nmod tests;\nlet c = \"http://d\";\n#[cfg(test)]\n#[allow(x)]\nmod tests {\n    fn e() {\n    }\n}\nfn f() {}\n";
    let code = Source::new("src/a.rs", text).code;
    let seen: Vec<(usize, &str)> = code.iter().map(|(at, line)| (*at, line.trim())).collect();
    assert_eq!(seen, [(2, "use a;"), (5, "let c = \"http://d\";"), (12, "fn f() {}")]);
    assert!(Source::new("src/a/tests.rs", text).code.is_empty());
    assert!(Source::new("src/a/tests/b.rs", text).code.is_empty());
}

#[test]
fn a_word_is_whole() {
    assert!(has_word("a tracing::b", "tracing"));
    assert!(!has_word("retracing tracing_x", "tracing"));
}
