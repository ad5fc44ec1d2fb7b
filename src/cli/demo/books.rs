//! The books at the end of the demo, for a person.

use std::fmt::Write;

use crate::relay::Snapshot;
use crate::relay::custody::Cause;

/// Whether every span is accounted for and none is held any more.
pub fn right(books: &Snapshot) -> bool {
    books.balanced() && books.held.spans() == 0
}

/// The books as a table and a verdict; beside them what the collector says it got, and the requests that got no OK.
pub fn page(books: &Snapshot, collected: u64, refused: u64) -> String {
    let (ledger, out) = (&books.ledger, books.ledger.sampled_out());
    let policies = out.policies.iter().sum();
    let mut page = "the books, in spans\n".to_owned();
    let mut row = |name: &str, count: u64| {
        writeln!(page, "  {name:<28} {count:>9}").expect("writing to a String cannot fail");
    };
    row("accepted", ledger.accepted());
    row("  exported", ledger.exported());
    row("  sampled out", out.total());
    for (name, count) in [
        ("    ratio", out.ratio),
        ("    no policy said yes", out.no_match),
        ("    drop policies", policies),
        ("    late", out.remembered),
    ] {
        if count != 0 {
            row(name, count);
        }
    }
    row("  dropped", ledger.dropped_total());
    for cause in Cause::ALL.into_iter().filter(|cause| ledger.dropped(*cause) != 0) {
        row(&format!("    {}", cause.name()), ledger.dropped(cause));
    }
    row("  held", books.held.spans());
    row("the collector received", collected);
    if refused != 0 {
        row("requests without an OK", refused);
    }
    let verdict = if books.balanced() { "balanced" } else { "NOT BALANCED" };
    let _ = writeln!(page, "\naccepted = exported + sampled_out + dropped + held: {verdict}");
    page
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::relay::custody::Fate;

    #[test]
    fn books_are_right_only_when_they_balance_and_nothing_is_held() {
        let mut books = Snapshot::default();
        let mut custody = books.ledger.open(3);
        let part = custody.split(1);
        books.ledger.close(part, Fate::Exported);
        assert!(!right(&books));
        assert!(page(&books, 1, 0).ends_with("held: NOT BALANCED\n"));
        books.held.queue.spans = 2;
        assert!(books.balanced() && !right(&books));
        books.held.queue.spans = 0;
        books.ledger.close(custody, Fate::Dropped(Cause::Shutdown));
        assert!(right(&books));
        let page = page(&books, 1, 0);
        let row = page.lines().find(|line| line.trim_start().starts_with("shutdown"));
        assert!(row.is_some_and(|row| row.ends_with(" 2")), "{page}");
    }
}
