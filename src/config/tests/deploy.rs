//! What we ship must be right by our own word.

use std::fs;
use std::path::Path;

use super::*;
use crate::config::place::Name;

/// Files below a folder, in order.
fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    let mut entries: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    for path in entries {
        if path.is_dir() { files(&path, found) } else { found.push(path) }
    }
}

/// One document as a tree.
fn tree(text: &str) -> Node {
    let mut sources = Sources::default();
    let source = sources.add(Name::File("test".into()), text);
    yaml::read(&sources, sources.whole(source), &mut Vec::new()).expect("what we ship is YAML")
}

fn documents(text: &str) -> Vec<Node> {
    text.split("\n---\n").map(tree).collect()
}

/// Configurations inside a file: whole, in ConfigMaps, or in fenced blocks that say what they are.
fn configurations(path: &Path) -> Vec<String> {
    let name = path.file_name().unwrap().to_string_lossy().into_owned();
    let Ok(text) = fs::read_to_string(path) else { return Vec::new() };
    if name.ends_with(".md") {
        let blocks = text.split("```yaml\n").skip(1).filter_map(|rest| rest.split("```").next());
        return blocks.filter(|block| block.starts_with("# tailwater.yaml")).map(str::to_owned).collect();
    }
    if name.starts_with("tailwater") && name.ends_with(".yaml") {
        return vec![text];
    }
    if !name.ends_with(".yaml") {
        return Vec::new();
    }
    let maps = documents(&text);
    let held = maps.iter().filter_map(|map| map.get("data")?.get("tailwater.yaml")?.text());
    held.map(str::to_owned).collect()
}

#[test]
fn every_configuration_we_ship_is_valid_under_the_memory_limit_we_ship() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut paths = vec![root.join("README.md")];
    files(&root.join("deploy"), &mut paths);
    let mut seen = 0;
    for path in paths {
        for text in configurations(&path) {
            let name = path.strip_prefix(root).unwrap().display().to_string();
            let inputs = Inputs { file: Some((name, text)), memory_limit: Some(64 << 20), ..Inputs::default() };
            load(&inputs);
            seen += 1;
        }
    }
    assert!(2 <= seen, "only {seen} found");
}

#[test]
fn the_shipped_pod_starts_tailwater_first_and_gives_it_time_to_leave() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/kubernetes/hand-gesture.yaml");
    let text = fs::read_to_string(&path).unwrap();
    let documents = documents(&text);
    let deployment =
        documents.iter().find(|node| node.find("kind").and_then(Node::text) == Some("Deployment")).unwrap();
    let spec = deployment.find("spec.template.spec").unwrap();
    let node::Value::List(init) = &spec.get("initContainers").unwrap().value else { panic!("a list") };
    let sidecar = &init[0];
    let word = |path: &str| sidecar.find(path).and_then(Node::text).unwrap_or_default();
    assert_eq!((word("name"), word("restartPolicy")), ("tailwater", "Always"));
    assert_eq!(word("resources.limits.memory"), "64Mi");
    assert_eq!((word("startupProbe.httpGet.path"), word("livenessProbe.httpGet.path")), ("/startupz", "/livez"));

    let config = load(&file(&configurations(&path)[0]));
    assert!(!config.admin.listen.ip().is_loopback(), "kubelet comes from outside");
    let patience: u64 = spec.get("terminationGracePeriodSeconds").and_then(Node::text).unwrap().parse().unwrap();
    assert!(config.shutdown.grace.as_secs() + 30 <= patience, "the app's 30 s and ours must fit");
}
