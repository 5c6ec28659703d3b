//! tsuji, the server.

use std::process::ExitCode;

use tsuji_host::cli;
use tsuji_mio::Server;

fn main() -> ExitCode {
    cli::main(|options| Ok(Server::start(options)?))
}
