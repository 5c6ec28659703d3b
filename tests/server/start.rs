//! Starting: what the person at the command line sees.

use std::net::UdpSocket;
use std::process::{Command, Output};

use crate::common::Server;
use tsuji_tests::on_each_runtime;
use tsuji_tests::support::Program;

on_each_runtime! {
    a_tcp_port_in_use_is_one_sentence_and_a_failure,
    a_udp_port_in_use_is_one_sentence_and_a_failure,
    an_address_of_another_machine_is_one_sentence_and_a_failure,
    an_address_that_leads_nowhere_is_one_sentence_and_a_failure,
    a_certificate_that_is_not_there_is_one_sentence_and_a_failure,
    a_bad_flag_says_what_was_expected,
    options_come_from_a_file_and_from_the_environment_too,
    a_bad_config_file_is_one_sentence_and_a_failure,
    help_and_version_tell_what_they_should,
}

fn run(program: &Program, arguments: &[&str]) -> Output {
    Command::new(program.executable())
        .args(arguments)
        .output()
        .unwrap()
}

fn one_sentence(output: &Output) -> String {
    assert!(!output.status.success());
    assert!(output.stdout.is_empty());
    let stderr = String::from_utf8(output.stderr.clone()).unwrap();
    let sentences: Vec<_> = stderr
        .lines()
        .filter(|line| line.starts_with("tsuji: "))
        .collect();
    assert_eq!(sentences.len(), 1, "{stderr}");
    sentences[0].to_owned()
}

fn a_tcp_port_in_use_is_one_sentence_and_a_failure(program: &Program) {
    let server = Server::start(program);
    let address = server.address.to_string();
    let output = run(program, &["--listen", &address, "--udp", "127.0.0.1:0"]);
    assert_eq!(
        one_sentence(&output),
        format!("tsuji: cannot listen on {address} (TCP): another program is using that port")
    );
    // The first one is not disturbed.
    assert_eq!(server.get("/", &[]).status, 200);
}

fn a_udp_port_in_use_is_one_sentence_and_a_failure(program: &Program) {
    let taken = UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let output = run(program, &["--listen", "127.0.0.1:0", "--udp", &address]);
    assert_eq!(
        one_sentence(&output),
        format!(
            "tsuji: cannot receive media on {address} (UDP): another program is using that port"
        )
    );
}

fn an_address_of_another_machine_is_one_sentence_and_a_failure(program: &Program) {
    // 192.0.2.0/24 is for documentation (RFC 5737): no machine has it.
    let output = run(
        program,
        &["--listen", "192.0.2.1:8080", "--udp", "127.0.0.1:0"],
    );
    assert_eq!(
        one_sentence(&output),
        "tsuji: cannot listen on 192.0.2.1:8080 (TCP): this machine has no such address"
    );
    let output = run(
        program,
        &["--listen", "127.0.0.1:0", "--udp", "192.0.2.1:10000"],
    );
    assert_eq!(
        one_sentence(&output),
        "tsuji: cannot receive media on 192.0.2.1:10000 (UDP): this machine has no such address"
    );
}

fn a_certificate_that_is_not_there_is_one_sentence_and_a_failure(program: &Program) {
    let arguments = ["--tls-cert", "/no/such.pem", "--tls-key", "/no/such.key"];
    assert_eq!(
        one_sentence(&run(program, &arguments)),
        "tsuji: cannot read /no/such.pem: No such file or directory (os error 2)"
    );
}

fn an_address_that_leads_nowhere_is_one_sentence_and_a_failure(program: &Program) {
    let output = run(program, &["--advertise", "203.0.113.5=10.0.0.2"]);
    assert_eq!(
        one_sentence(&output),
        "tsuji: --advertise 203.0.113.5=10.0.0.2: neither --udp nor --listen is on the address \
         behind the ="
    );
}

fn a_bad_flag_says_what_was_expected(program: &Program) {
    for (arguments, expected) in [
        (["--listen", "8080"], "expected an IP address and a port"),
        (
            ["--udp", "localhost:1"],
            "expected an IP address and a port",
        ),
        (["--advertise", "0.0.0.0"], "nobody can reach that address"),
        (["--stun", "stun.example"], "a port, such as"),
        (["--log", "a=b=c"], "invalid"),
        (["--tls-cert", "a.pem"], "--tls-key"),
        (["--tls-name", "a b"], "expected a DNS name"),
        (["--acme", "192.0.2.1"], "such as meet.example.org"),
        (["--metrics", "9100"], "expected an IP address and a port"),
        (["--no-such-flag", "1"], "unexpected argument"),
    ] {
        let output = run(program, &arguments);
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(stderr.contains(expected), "{arguments:?}: {stderr}");
    }
}

fn options_come_from_a_file_and_from_the_environment_too(program: &Program) {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("tsuji.toml");
    let configured = |more: &[&str]| {
        let mut command = Command::new(program.executable());
        command.arg("--config").arg(&file).args(more);
        command.env("TSUJI_LOG", "debug");
        command
    };
    let text = "log = \"error\"\nudp = \"127.0.0.1:7\"\ntrace-memory = 3\n";
    std::fs::write(&file, text).unwrap();
    let output = configured(&["--print-config", "--udp=127.0.0.1:9"]).output();
    let printed = String::from_utf8(output.unwrap().stdout).unwrap();
    for line in [
        "log = \"debug\"",
        "# TSUJI_LOG | from: TSUJI_LOG",
        "udp = [\"127.0.0.1:9\"]",
        "# TSUJI_UDP | from: command line",
        "trace-memory = 3",
        "listen = \"127.0.0.1:8080\"",
        "# TSUJI_LISTEN | from: default",
    ] {
        assert!(
            printed.lines().any(|found| found == line),
            "{line}: {printed}"
        );
    }
    assert!(printed.contains("tsuji.toml, line 3"), "{printed}");
    // It serves with what it printed.
    std::fs::write(&file, printed).unwrap();
    let server = Server::start_as(&mut configured(&[]));
    assert_eq!(server.get("/", &[]).status, 200);
}

fn a_bad_config_file_is_one_sentence_and_a_failure(program: &Program) {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("tsuji.toml");
    std::fs::write(&file, "\nlisen = \"127.0.0.1:0\"\n").unwrap();
    let path = file.to_str().unwrap();
    let output = run(program, &["--config", path]);
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(
        one_sentence(&output),
        format!("tsuji: {path}, line 2: there is no option \"lisen\"; did you mean \"listen\"?")
    );
}

fn help_and_version_tell_what_they_should(program: &Program) {
    let help = String::from_utf8(run(program, &["--help"]).stdout).unwrap();
    assert!(help.starts_with("tsuji, a self-hosted video-meeting server."));
    for flag in ["--listen", "--udp", "--advertise", "--stun", "--log"] {
        assert!(help.contains(flag), "{flag}");
    }
    let version = String::from_utf8(run(program, &["--version"]).stdout).unwrap();
    assert_eq!(version, format!("tsuji {}\n", env!("CARGO_PKG_VERSION")));
}
