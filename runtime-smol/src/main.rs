//! tsuji, the server, on smol.

use std::process::ExitCode;

use tsuji_host::cli;
use tsuji_smol::Server;

fn main() -> ExitCode {
    cli::main(|options| Ok(Server::bind(options)?))
}
