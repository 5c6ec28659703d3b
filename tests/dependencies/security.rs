//! `SECURITY.md` names tests; each is there.

use std::fs;
use std::path::Path;

#[test]
fn every_attack_in_the_threat_model_has_a_test_that_exists() {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    let workspace = package.parent().expect("the package is in the workspace");
    let read = |path: &str| fs::read_to_string(workspace.join(path)).unwrap_or_default();
    let text = read("SECURITY.md");
    let table = text
        .lines()
        .skip_while(|line| !line.starts_with("| Attack |"))
        .take_while(|line| line.starts_with('|'));
    let rows: Vec<&str> = table.skip(2).collect();
    assert!(rows.len() >= 15, "{}", rows.len());
    let mut missing = Vec::new();
    for row in rows {
        let cells: Vec<&str> = row.trim_matches('|').split(" | ").collect();
        let [attack, _, shown] = cells[..] else {
            panic!("not three cells: {row}");
        };
        let tests: Vec<&str> = shown
            .split('`')
            .filter(|name| name.contains("::"))
            .collect();
        assert!(!tests.is_empty(), "{attack} is shown by nothing");
        for test in tests {
            let (path, name) = test.split_once("::").expect("a path and a name");
            if !read(path).contains(&format!("fn {name}(")) {
                missing.push(test.to_owned());
            }
        }
    }
    assert!(missing.is_empty(), "{missing:#?}");
}
