//! The binary under test, built by cargo when a test first needs it: never a stale one.

use std::io::BufReader;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use cargo_metadata::Message;

/// tsuji on mio.
pub static MIO: Program = Program::new("tsuji");

/// A server of this workspace.
#[derive(Debug)]
pub struct Program {
    binary: &'static str,
    built: OnceLock<PathBuf>,
}

impl Program {
    const fn new(binary: &'static str) -> Self {
        Self {
            binary,
            built: OnceLock::new(),
        }
    }

    /// Its executable, in the profile of the test itself.
    pub fn executable(&self) -> &Path {
        self.built.get_or_init(|| self.build())
    }

    fn build(&self) -> PathBuf {
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let mut command = Command::new(cargo);
        command
            .current_dir(workspace())
            // With a test beside it cargo chooses the same features of dependencies as for
            // `cargo test --workspace`, and builds nothing twice.
            .args(["build", "--workspace", "--test", "dependencies"])
            .args(["--bin", self.binary])
            .arg("--message-format=json-render-diagnostics")
            .stdout(Stdio::piped());
        if !cfg!(debug_assertions) {
            command.arg("--release");
        }
        let mut build = command.spawn().expect("cargo starts");
        let output = build.stdout.take().expect("it was piped");
        let executable = Message::parse_stream(BufReader::new(output))
            .filter_map(Result::ok)
            .filter_map(|message| match message {
                Message::CompilerArtifact(artifact) if artifact.target.name == self.binary => {
                    artifact.executable
                }
                _ => None,
            })
            .last();
        let status = build.wait().expect("cargo ends");
        assert!(status.success(), "building {} failed", self.binary);
        let executable = executable.expect("cargo says where the binary is");
        executable.into_std_path_buf()
    }
}

/// The root of the workspace.
pub(crate) fn workspace() -> &'static Path {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    package.parent().expect("the package is in the workspace")
}
