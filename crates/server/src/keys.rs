//! `irori keys`: makes, lists and withdraws the keys with which servers say who they are.

mod listing;

use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{Args, Subcommand, ValueEnum};
use host::Host;
use identity::{KeyFile, NewKey, Registrar};
use model::principal::{Grant, Role};

use crate::arguments::duration;
use crate::failure::Failure;

const AFTER_HELP: &str = "\
Examples:
  irori keys create --project shop --server https://db.example.com:8443 --out key.json
                                            an account that reads and writes all databases of shop
  irori keys create --project shop --name reports --role viewer --database sales --expires 90d
                                            one that only reads one of them, for ninety days
  irori keys list
  irori keys rotate 3f9c21d0 --out new.json another key; the old one opens for 24 hours more
  irori keys revoke 3f9c21d0                from now on it opens nothing

A key's file is what Google's libraries call a service account's key: name it in GOOGLE_APPLICATION_CREDENTIALS, or
load it by Credentials.from_service_account_file. It is written once and kept nowhere else; the register has the public
half alone. A server that runs with --auth and the same register notices every change within a second.";

/// What is to be done with keys.
#[derive(Debug, Subcommand)]
#[command(after_help = AFTER_HELP)]
pub(crate) enum KeysCommand {
    /// Make a key, for a new account or for one that has keys already
    Create(CreateArguments),
    /// Show all keys
    List {
        #[command(flatten)]
        register: RegisterArgument,
    },
    /// Withdraw a key: it opens nothing any more, and nor do the tokens that it brought
    Revoke {
        /// The key's id, or how it begins
        #[arg(value_name = "KEY_ID")]
        id: String,

        #[command(flatten)]
        register: RegisterArgument,
    },
    /// Make another key for a key's account, and let the old one end
    Rotate {
        /// The old key's id, or how it begins
        #[arg(value_name = "KEY_ID")]
        id: String,

        /// How long the old key is good beside the new one
        #[arg(long, value_name = "DURATION", default_value = "24h", value_parser = duration)]
        overlap: Duration,

        #[command(flatten)]
        out: OutArgument,

        #[command(flatten)]
        register: RegisterArgument,
    },
}

/// For whom a key is to be made.
#[derive(Debug, Args)]
pub(crate) struct CreateArguments {
    /// The project that the key is for
    #[arg(long, value_name = "PROJECT")]
    project: String,

    /// The only database of the project that it is for. Without it: all
    #[arg(long, value_name = "DATABASE")]
    database: Option<String>,

    /// What its bearer may do
    #[arg(long, value_enum, default_value_t = RoleName::User)]
    role: RoleName,

    /// The account's name. Keys of one name and project are keys of one account
    #[arg(long, value_name = "NAME", default_value = "server")]
    name: String,

    /// Where clients reach the server; the file tells them where to fetch tokens
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:8080")]
    server: String,

    /// What the file says for `universe_domain`. Usually the server's host; `googleapis.com` makes
    /// libraries fetch tokens at the server instead of signing them themselves
    #[arg(long, value_name = "DOMAIN")]
    universe_domain: Option<String>,

    /// How long the key is good. Without it: until it is revoked
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    expires: Option<Duration>,

    #[command(flatten)]
    out: OutArgument,

    #[command(flatten)]
    register: RegisterArgument,
}

/// Where the public halves are.
#[derive(Debug, Args)]
pub(crate) struct RegisterArgument {
    /// The register of keys; the first key makes it. The server's --keys names the same file
    #[arg(long, value_name = "FILE", default_value = "./irori-data/keys/register.json")]
    register: PathBuf,
}

/// Where a key goes.
#[derive(Debug, Args)]
pub(crate) struct OutArgument {
    /// The file to write the key to, for its owner alone; it must not be there. `-` prints it
    #[arg(long, value_name = "FILE", default_value = "key.json")]
    out: PathBuf,
}

/// What an account may do; each includes those before it.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum RoleName {
    /// Read documents and indexes
    Viewer,
    /// Read and write documents
    User,
    /// Everything, security rules and clearing included
    Owner,
}

/// Does it.
pub(crate) fn run(command: &KeysCommand) -> Result<(), Failure> {
    // The host's tasks need one; nothing runs on it.
    let runtime =
        tokio::runtime::Builder::new_current_thread().build().map_err(Failure::doing("start threads"))?;
    let _within = runtime.enter();
    let registrar = |argument: &RegisterArgument| Registrar::new(&argument.register, Host::real());
    match command {
        KeysCommand::Create(arguments) => {
            let registrar = registrar(&arguments.register);
            hand_out(&arguments.out.out, || registrar.create(&arguments.wanted()))
        }
        KeysCommand::List { register } => {
            let keys = registrar(register).list().map_err(stopped)?;
            print!("{}", listing::table(&keys, Host::real().now_micros()));
            Ok(())
        }
        KeysCommand::Revoke { id, register } => {
            let key = registrar(register).revoke(id).map_err(stopped)?;
            println!("Key {} of {} opens nothing any more.", key.id, key.email);
            Ok(())
        }
        KeysCommand::Rotate { id, overlap, out, register } => {
            let registrar = registrar(register);
            hand_out(&out.out, || registrar.rotate(id, *overlap))
        }
    }
}

impl CreateArguments {
    fn wanted(&self) -> NewKey {
        let role = match self.role {
            RoleName::Viewer => Role::Viewer,
            RoleName::User => Role::User,
            RoleName::Owner => Role::Owner,
        };
        let database = self.database.as_deref().map(Into::into);
        NewKey {
            name: self.name.clone(),
            grant: Grant { project: self.project.as_str().into(), database, role },
            server: self.server.clone(),
            universe_domain: self.universe_domain.clone(),
            lifetime: self.expires,
        }
    }
}

/// Makes a key and writes it where nobody else can read it. The place is taken first: a key that could not be written
/// would be lost.
fn hand_out(out: &Path, make: impl FnOnce() -> Result<KeyFile, identity::Failure>) -> Result<(), Failure> {
    if out == Path::new("-") {
        let made = make().map_err(stopped)?;
        print!("{}", made.secret_text());
        return Ok(());
    }
    let mut file = take(out)?;
    let written = make().map_err(stopped).and_then(|made| {
        let write = file.write_all(made.secret_text().as_bytes()).and_then(|()| file.sync_all());
        write.map_err(Failure::doing(format!("write {} (revoke key {})", out.display(), made.key.id)))?;
        Ok(made.key)
    });
    match written {
        Ok(key) => {
            println!("Key {} of {} is in {}.", key.id, key.email, out.display());
            println!("Keep it secret: it is nowhere else, and whoever has it is {}.", key.email);
            Ok(())
        }
        Err(failure) => {
            // Empty, or half a key. That it cannot be removed says less than why it is not whole.
            std::fs::remove_file(out).ok();
            Err(failure)
        }
    }
}

/// A new file that only its owner reads.
fn take(out: &Path) -> Result<File, Failure> {
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(out).map_err(|error| {
        let name = out.display();
        match error.kind() {
            ErrorKind::AlreadyExists => {
                Failure::new(format!("{name} is there already; name another file with --out"))
            }
            _ => Failure::new(format!("could not write {name}: {error}")),
        }
    })
}

fn stopped(failure: identity::Failure) -> Failure {
    Failure::new(failure.to_string())
}
