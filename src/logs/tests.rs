//! That a line stays one line, and that a site that has spoken waits.

use std::sync::Arc;

use super::*;

#[derive(Clone, Default)]
struct Paper(Arc<Mutex<Vec<u8>>>);

impl Write for Paper {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What is written when `say` is said.
fn written(options: Options, on_terminal: bool, say: impl FnOnce()) -> String {
    let paper = Paper::default();
    let copy = paper.clone();
    tracing::subscriber::with_default(subscriber(options, on_terminal, move || copy.clone()), say);
    let bytes = paper.0.lock().unwrap().clone();
    String::from_utf8(bytes).unwrap()
}

const EVIL: &str = "gone\nERROR all is lost\u{1b}[31m\u{7f}\u{9b}";

fn speak() {
    tracing::warn!(target: "tailwater::exporter", peer = %"127.0.0.1:1", text = EVIL, "collector said {EVIL}");
}

#[test]
fn auto_is_text_on_a_terminal_and_json_otherwise() {
    let text = written(Options::default(), true, speak);
    assert!(
        text.contains(" WARN tailwater::exporter: collector said gone") && text.contains("peer=127.0.0.1:1"),
        "{text}"
    );
    let json = written(Options::default(), false, speak);
    let line: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!((&line["level"], &line["target"]), (&"WARN".into(), &"tailwater::exporter".into()));
    assert_eq!(line["text"], EVIL, "JSON gives the text back as it was");
    for (format, on_terminal) in [(Format::Text, false), (Format::Json, true)] {
        let said = written(Options { format, ..Options::default() }, on_terminal, speak);
        assert_eq!(said.starts_with('{'), format == Format::Json, "a set format wins over the terminal: {said}");
    }
}

#[test]
fn an_event_is_one_line_whatever_it_quotes() {
    for format in [Format::Text, Format::Json] {
        let said = written(Options { format, ..Options::default() }, false, speak);
        let controls = said.chars().filter(|c| c.is_control()).count();
        assert!(controls == 1 && said.ends_with('\n'), "{said:?}");
    }
}

#[test]
fn lines_below_the_level_are_not_written_and_the_libraries_only_warn() {
    let say = || {
        tracing::info!(target: "tailwater::app", "ours, info");
        tracing::debug!(target: "tailwater::app", "ours, debug");
        tracing::debug!(target: "h2::codec", "theirs, debug");
        tracing::info!(target: "tonic", "theirs, info");
        tracing::warn!(target: "hyper", "theirs, warn");
    };
    let lines = |level| {
        let said = written(Options { level, format: Format::Text }, false, say);
        said.lines().map(|line| line.rsplit_once(": ").unwrap().1.to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(lines(Level::INFO), ["ours, info", "theirs, warn"]);
    assert_eq!(lines(Level::TRACE), ["ours, info", "ours, debug", "theirs, warn"]);
    assert_eq!(lines(Level::ERROR), [""; 0]);
}

#[test]
fn a_site_speaks_once_in_its_time_and_then_says_how_often_it_was_silent() {
    let (site, start) = (RateLimit::new(Duration::from_secs(1)), Instant::now());
    let allowed = |millis| site.allow(start + Duration::from_millis(millis));
    assert_eq!(allowed(0), Some(0));
    assert_eq!((allowed(1), allowed(999)), (None, None));
    assert_eq!(allowed(1000), Some(2));
    assert_eq!(allowed(2000), Some(0));
}
