//! tsuji, the server.

use std::io::{self, BufWriter, IsTerminal, Write};
use std::process::ExitCode;

use clap::Parser;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tracing_subscriber::EnvFilter;
use tsuji_mio::{
    Action, CommandLine, Options, ReplayFault, ReplayOptions, Server, Verdict, signals,
};

fn main() -> ExitCode {
    let CommandLine { action, options } = CommandLine::parse();
    let result = match action {
        None => run(&options),
        Some(Action::Replay(options)) => replay(&options),
    };
    match result {
        Ok(code) => code,
        Err(error) => {
            // Nothing can be done about a stderr that is closed.
            let _ = writeln!(io::stderr(), "tsuji: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(options: &Options) -> Result<ExitCode, Box<dyn std::error::Error>> {
    start_log(&options.log);
    raise_descriptor_limit();
    let signals = signals::take()?;
    let server = Server::start(options, Some(signals))?;
    let url = server.url();
    // Whoever closed stdout does not want to read it.
    let _ = writeln!(io::stdout(), "tsuji is ready: open {url}");
    server.wait()?;
    Ok(ExitCode::SUCCESS)
}

fn replay(options: &ReplayOptions) -> Result<ExitCode, Box<dyn std::error::Error>> {
    start_log(&options.log);
    let mut out = BufWriter::new(io::stdout().lock());
    let replayed = tsuji_mio::replay(options, &mut out).and_then(|verdict| {
        out.flush()?;
        Ok(verdict)
    });
    let verdict = match replayed {
        // Whoever closed stdout has read enough.
        Err(ReplayFault::Output(error)) if error.kind() == io::ErrorKind::BrokenPipe => {
            return Ok(ExitCode::SUCCESS);
        }
        replayed => replayed?,
    };
    Ok(match verdict {
        Verdict::Equal => ExitCode::SUCCESS,
        Verdict::Different => ExitCode::FAILURE,
        Verdict::Incomplete => ExitCode::from(2),
    })
}

fn start_log(filter: &str) {
    tracing_subscriber::fmt()
        .with_writer(io::stderr)
        .with_ansi(io::stderr().is_terminal())
        .with_env_filter(EnvFilter::new(filter))
        .init();
    std::panic::set_hook(Box::new(|panic| tracing::error!("{panic}")));
}

/// Each connection takes a file descriptor. The limit that processes start with (often 1,024) is
/// for old programs that cannot count further; the one that the administrator set is the other.
fn raise_descriptor_limit() {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: limit.maximum,
        maximum: limit.maximum,
    };
    if let Err(error) = setrlimit(Resource::Nofile, raised) {
        tracing::debug!(%error, "the limit of open files stays as it is");
    }
}
