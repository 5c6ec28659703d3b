//! The binaries under test, built by cargo when a test first needs one: never a stale one.

use std::io::BufReader;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::LazyLock;

use cargo_metadata::Message;

/// tsuji on mio.
pub static MIO: Program = Program::new("tsuji");

/// tsuji on smol.
pub static SMOL: Program = Program::new("tsuji-smol");

/// The example of an HTTP service that embeds tsuji on smol.
pub static EMBEDDED: Program = Program::new("embedded");

/// Makes a test of each named function, once for each runtime. What is called `async` runs on
/// tokio's executor.
#[macro_export]
macro_rules! on_each_runtime {
    ($($name:ident),* $(,)?) => {
        $crate::on_each_runtime!(@ mio MIO, $($name)*);
        $crate::on_each_runtime!(@ smol SMOL, $($name)*);
    };
    (async $($name:ident),* $(,)?) => {
        $crate::on_each_runtime!(@async mio MIO, $($name)*);
        $crate::on_each_runtime!(@async smol SMOL, $($name)*);
    };
    (@ $module:ident $program:ident, $($name:ident)*) => {
        mod $module {
            $(#[test]
            fn $name() {
                super::$name(&$crate::support::$program);
            })*
        }
    };
    (@async $module:ident $program:ident, $($name:ident)*) => {
        mod $module {
            $(#[tokio::test]
            async fn $name() {
                super::$name(&$crate::support::$program).await;
            })*
        }
    };
}

/// A server of this workspace.
#[derive(Debug)]
pub struct Program {
    binary: &'static str,
}

impl Program {
    const fn new(binary: &'static str) -> Self {
        Self { binary }
    }

    /// Its executable, in the profile of the test itself.
    pub fn executable(&self) -> &'static Path {
        static BUILT: LazyLock<Vec<(String, PathBuf)>> = LazyLock::new(build);
        let wanted = self.chosen().unwrap_or(self.binary);
        let built = BUILT.iter().find(|(name, _)| name == wanted);
        &built.expect("cargo says where the binary is").1
    }

    /// The server that all tests are to be run against, if the environment says so.
    fn chosen(&self) -> Option<&'static str> {
        if self.binary == EMBEDDED.binary {
            return None;
        }
        match std::env::var("TSUJI_RUNTIME").ok()?.as_str() {
            "mio" => Some(MIO.binary),
            "smol" => Some(SMOL.binary),
            other => panic!("TSUJI_RUNTIME is {other}: mio or smol"),
        }
    }
}

/// The names and executables of all servers.
fn build() -> Vec<(String, PathBuf)> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command
        .current_dir(workspace())
        // With a test beside it cargo chooses the same features of dependencies as for
        // `cargo test --workspace`, and builds nothing twice.
        .args(["build", "--workspace", "--test", "dependencies"])
        .args(["--bin", MIO.binary, "--bin", SMOL.binary])
        .args(["--example", EMBEDDED.binary])
        .arg("--message-format=json-render-diagnostics")
        .stdout(Stdio::piped());
    if !cfg!(debug_assertions) {
        command.arg("--release");
    }
    let mut build = command.spawn().expect("cargo starts");
    let output = build.stdout.take().expect("it was piped");
    let built = Message::parse_stream(BufReader::new(output))
        .filter_map(Result::ok)
        .filter_map(|message| match message {
            Message::CompilerArtifact(artifact) => {
                let executable = artifact.executable?.into_std_path_buf();
                Some((artifact.target.name, executable))
            }
            _ => None,
        })
        .collect();
    let status = build.wait().expect("cargo ends");
    assert!(status.success(), "building the servers failed");
    built
}

/// The root of the workspace.
pub(crate) fn workspace() -> &'static Path {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    package.parent().expect("the package is in the workspace")
}
