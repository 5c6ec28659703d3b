//! What we depend on: from where, under which licence, in how many versions, and in which
//! direction. `deny.toml` says the same to `cargo deny`, which also knows of advisories.

mod security;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use cargo_metadata::{DependencyKind, Metadata, MetadataCommand, Package, PackageId};
use spdx::{Expression, LicenseItem, LicenseReq, ParseMode};

/// Licences that ask for no more than to be named. All of them may be in a binary that is given
/// away.
const LICENCES: [&str; 13] = [
    "0BSD",
    "Apache-2.0",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "BSL-1.0",
    "CC0-1.0",
    "CDLA-Permissive-2.0",
    "ISC",
    "MIT",
    "NCSA",
    "OpenSSL",
    "Unicode-3.0",
    "Zlib",
];

/// Crates of ours that somebody below us still uses in an older version: the generator of
/// `sctp-proto`, for the data channels of str0m, which we never open; and the tables of `stun-proto`,
/// of which `turn-types` uses no more than the name of an instant.
const IN_TWO_VERSIONS: [&str; 3] = ["getrandom", "hashbrown", "rand_chacha"];

/// The architecture, from the bottom: a crate of ours uses crates of lower layers only.
const LAYERS: [&[&str]; 6] = [
    &["tsuji-hermetic", "tsuji-web"],
    &["tsuji-core"],
    &["tsuji-signaling"],
    &["tsuji-host"],
    &["tsuji-mio", "tsuji-smol"],
    &["tsuji-tests", "tsuji-fuzz"],
];

static METADATA: LazyLock<Metadata> = LazyLock::new(|| {
    // From inside a package, that package would be what is shipped.
    let metadata = MetadataCommand::new()
        .manifest_path(concat!(env!("CARGO_MANIFEST_DIR"), "/../Cargo.toml"))
        .other_options(["--locked".to_owned()])
        .exec();
    metadata.expect("Cargo.lock fits Cargo.toml")
});

#[test]
fn every_dependency_comes_from_crates_io() {
    for package in foreign() {
        let source = package.source.as_ref();
        assert!(
            source.is_some_and(|source| source.is_crates_io()),
            "{}",
            package.id
        );
    }
}

#[test]
fn every_licence_is_permissive() {
    for package in foreign() {
        let licence = package.license.as_deref().unwrap_or_default();
        let expression = Expression::parse_mode(licence, ParseMode::LAX)
            .unwrap_or_else(|error| panic!("{}: {licence:?}: {error}", package.id));
        assert!(expression.evaluate(is_allowed), "{}: {licence}", package.id);
    }
}

/// Two versions of a crate that we use ourselves would be two types of the same name, and twice
/// the code to watch.
#[test]
fn what_we_use_ourselves_is_there_in_one_version() {
    let shipped = shipped();
    let ours: BTreeSet<&str> = members()
        .flat_map(|package| &package.dependencies)
        .filter(|dependency| dependency.kind == DependencyKind::Normal)
        .map(|dependency| dependency.name.as_str())
        .collect();
    let mut versions: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    for package in shipped.iter().map(|id| &METADATA[*id]) {
        let seen = versions.entry(package.name.as_str()).or_default();
        seen.insert(package.version.to_string());
    }
    versions.retain(|name, versions| ours.contains(name) && versions.len() > 1);
    let several: Vec<&str> = versions.keys().copied().collect();
    assert_eq!(several, IN_TWO_VERSIONS, "{versions:?}");
}

#[test]
fn dependencies_point_down_only() {
    let layer = |name: &str| LAYERS.iter().position(|layer| layer.contains(&name));
    for package in members() {
        let own = layer(&package.name);
        assert!(own.is_some(), "{} has no layer yet", package.name);
        for dependency in &package.dependencies {
            let below = layer(&dependency.name);
            assert!(
                below.is_none() || below < own,
                "{} uses {}",
                package.name,
                dependency.name
            );
        }
    }
}

/// The core and the protocol are told what time it is and what came from the network.
#[test]
fn core_and_signaling_depend_on_nothing_that_does_io() {
    let io = [
        "async-std",
        "mio",
        "polling",
        "quinn-udp",
        "smol",
        "socket2",
        "tokio",
    ];
    for name in ["tsuji-core", "tsuji-signaling"] {
        let package = members().find(|package| package.name == name);
        let below = below(&package.expect("a crate of ours").id);
        for package in below.iter().map(|id| &METADATA[*id]) {
            assert!(
                !io.contains(&package.name.as_str()),
                "{name} uses {}",
                package.name
            );
        }
    }
}

fn is_allowed(requirement: &LicenseReq) -> bool {
    match &requirement.license {
        // An exception (`WITH`) only ever allows more.
        LicenseItem::Spdx { id, .. } => LICENCES.contains(&id.name),
        LicenseItem::Other(_) => false,
    }
}

fn members() -> impl Iterator<Item = &'static Package> {
    METADATA.workspace_packages().into_iter()
}

fn foreign() -> impl Iterator<Item = &'static Package> {
    let ours: BTreeSet<_> = METADATA.workspace_members.iter().collect();
    let packages = METADATA.packages.iter();
    packages.filter(move |package| !ours.contains(&package.id))
}

/// Everything that may end up in the server.
fn shipped() -> BTreeSet<&'static PackageId> {
    let defaults = METADATA.workspace_default_packages();
    defaults
        .into_iter()
        .flat_map(|package| below(&package.id))
        .collect()
}

/// A package and what it needs to run, and what that needs.
fn below(package: &'static PackageId) -> BTreeSet<&'static PackageId> {
    let resolve = METADATA
        .resolve
        .as_ref()
        .expect("the dependencies are resolved");
    let mut found = BTreeSet::new();
    let mut open = vec![package];
    while let Some(id) = open.pop() {
        if !found.insert(id) {
            continue;
        }
        let node = resolve.nodes.iter().find(|node| node.id == *id);
        let dependencies = &node.expect("it is resolved").deps;
        let normal = dependencies.iter().filter(|dependency| {
            let mut kinds = dependency.dep_kinds.iter();
            kinds.any(|kind| kind.kind == DependencyKind::Normal)
        });
        open.extend(normal.map(|dependency| &dependency.pkg));
    }
    found
}
