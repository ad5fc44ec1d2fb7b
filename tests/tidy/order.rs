//! Who imports whom. Modules of `src` import only what `src/lib.rs` declares above them; rooms of floor 1 only what stands
//! above them in [`ROOMS`]. Paths are read wherever they stand, in a `use` or in the middle of a line.

use crate::source::{Source, Tree};
use crate::{Finding, check_src, lines_found};

/// The rooms of floor 1 in reading order. The vocabulary of `relay.rs` is for all of them.
const ROOMS: &[&str] = &[
    "clock",
    "custody",
    "ages",
    "budget",
    "frame",
    "slab",
    "otlp",
    "hash",
    "sampling",
    "envelope",
    "runs",
    "keep",
    "buffer",
    "retry",
    "queue",
    "batch",
    "packing",
    "relief",
    "admission",
    "machine",
];

/// The roof: what may know the configuration.
const KNOW_CONFIG: &[&str] = &["config", "app", "cli", "bin"];

/// Modules in the order of `src/lib.rs`.
fn modules(lib: &Source) -> Vec<String> {
    let names = lib.code.iter().filter_map(|(_, line)| {
        let line = line.trim().trim_start_matches("pub ").trim_start_matches("pub(crate) ");
        line.strip_prefix("mod ")?.strip_suffix(';')
    });
    names.map(str::to_string).collect()
}

/// Every path into this crate that a line names, from the root; `*` where a line leaves open which.
fn paths(source: &Source, line: &str) -> Vec<Vec<String>> {
    let mut found = Vec::new();
    let starts = line.match_indices("crate::").map(|(at, word)| (at, at + word.len(), Vec::new()));
    let supers = line.match_indices("super::").filter(|(at, _)| !line[..*at].ends_with("super::")).map(|(at, _)| {
        let mut module = source.module();
        let mut end = at;
        while line[end..].starts_with("super::") {
            module.pop();
            end += "super::".len();
        }
        (at, end, module)
    });
    for (at, end, base) in starts.chain(supers) {
        if line[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == '$') {
            continue;
        }
        let base: Vec<String> = base.into_iter().map(str::to_string).collect();
        for tail in tails(&line[end..]) {
            found.push(base.iter().cloned().chain(tail).collect());
        }
    }
    found
}

/// The names that follow `crate::`: one path, or one for each name in braces.
fn tails(text: &str) -> Vec<Vec<String>> {
    let name = |text: &str| -> String { text.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect() };
    if let Some(list) = text.strip_prefix('{') {
        let Some((list, _)) = list.split_once('}') else { return vec![vec!["*".to_string()]] };
        return list.split(',').map(|item| vec![name(item.trim())]).collect();
    }
    let first = name(text);
    match text[first.len()..].strip_prefix("::") {
        Some(rest) => tails(rest).into_iter().map(|tail| [vec![first.clone()], tail].concat()).collect(),
        None => vec![vec![first]],
    }
}

fn check_modules(source: &Source, modules: &[String], found: &mut Vec<Finding>) {
    let module = source.module();
    let Some(own) = modules.iter().position(|name| Some(&name.as_str()) == module.first()) else { return };
    for (at, line) in &source.code {
        for path in paths(source, line) {
            match modules.iter().position(|name| Some(name) == path.first()) {
                Some(other) if other > own => {
                    let what =
                        format!("{} imports {}, which src/lib.rs declares below it", modules[own], modules[other]);
                    found.push(Finding::new(&source.path, *at, what));
                }
                Some(_) => {}
                None => found.push(Finding::new(
                    &source.path,
                    *at,
                    format!("which module is `{}`? Name it on one line", path.join("::")),
                )),
            }
        }
    }
}

fn check_rooms(source: &Source, found: &mut Vec<Finding>) {
    let module = source.module();
    let ["relay", own, ..] = module[..] else { return };
    let Some(own) = ROOMS.iter().position(|room| *room == own) else {
        found.push(Finding::new(
            &source.path,
            1,
            format!("{own} has no place among the rooms of floor 1 in tests/tidy/order.rs"),
        ));
        return;
    };
    for (at, line) in &source.code {
        for path in paths(source, line).iter().filter(|path| path.first().is_some_and(|first| first == "relay")) {
            let other = path.get(1).and_then(|name| ROOMS.iter().position(|room| room == name));
            if let Some(other) = other.filter(|other| *other > own) {
                found.push(Finding::new(
                    &source.path,
                    *at,
                    format!("{} imports {}, which stands below it", ROOMS[own], ROOMS[other]),
                ));
            }
            if path.last().is_some_and(|name| name == "*") {
                found.push(Finding::new(&source.path, *at, "a list of imports that does not end on its line"));
            }
        }
    }
}

/// What must not meet, whatever the order says.
fn check_strangers(source: &Source, found: &mut Vec<Finding>) {
    let module = source.module();
    let own = module.first().copied().unwrap_or_default();
    for (at, line) in &source.code {
        for path in paths(source, line) {
            let other = path.first().map(String::as_str).unwrap_or_default();
            if matches!((own, other), ("receiver", "exporter") | ("exporter", "receiver")) {
                found.push(Finding::new(&source.path, *at, "receiver and exporter do not know each other"));
            }
            if other == "config" && !own.is_empty() && !KNOW_CONFIG.contains(&own) {
                found.push(Finding::new(
                    &source.path,
                    *at,
                    format!("{own} has Options of its own and does not know config"),
                ));
            }
        }
    }
}

#[test]
fn every_module_imports_only_what_is_declared_above_it() {
    let lib = Source::new("src/lib.rs", &Tree::here().read("src/lib.rs"));
    let modules = modules(&lib);
    assert!(modules.len() > 10, "read only {modules:?} from src/lib.rs");
    check_src(|source, found| check_modules(source, &modules, found));
}

#[test]
fn every_room_of_floor_1_imports_only_rooms_above_it() {
    check_src(check_rooms);
    for room in ROOMS {
        assert!(Tree::here().has(&format!("src/relay/{room}.rs")), "there is no room {room}");
    }
}

#[test]
fn receiver_and_exporter_do_not_meet_and_only_the_roof_knows_config() {
    check_src(check_strangers);
}

#[test]
fn an_import_upwards_is_found_however_it_is_written() {
    let order: Vec<String> = ["relay", "driver", "app"].map(String::from).to_vec();
    let modules =
        |path: &str, text: &str| lines_found(|source, found| check_modules(source, &order, found), path, text);
    assert_eq!(modules("src/driver.rs", "use crate::relay::Relay;\nuse crate::app::App;\n"), [2]);
    assert_eq!(modules("src/driver/line.rs", "fn a() {\n    super::super::app::run();\n}\n"), [2]);
    assert_eq!(modules("src/driver.rs", "use crate::{relay, app};\n"), [1]);
    assert_eq!(modules("src/driver.rs", "use crate::{\n    app,\n};\n"), [1]);
    assert_eq!(modules("src/driver/line.rs", "use super::Driver;\n// crate::app\n#[cfg(test)]\nuse crate::app;\n"), []);
    assert_eq!(
        lines_found(check_rooms, "src/relay/clock.rs", "use crate::relay::Depth;\nuse crate::relay::queue::Queue;\n"),
        [2]
    );
    assert_eq!(
        lines_found(check_rooms, "src/relay/otlp/scan.rs", "use super::varint;\nuse super::super::batch;\n"),
        [2]
    );
    assert_eq!(lines_found(check_rooms, "src/relay/cellar.rs", ""), [1]);
    assert_eq!(lines_found(check_strangers, "src/receiver/grpc.rs", "use crate::exporter::Header;\n"), [1]);
    assert_eq!(
        lines_found(check_strangers, "src/exporter.rs", "use crate::receiver::Door;\nuse crate::config::Config;\n"),
        [1, 2]
    );
}
