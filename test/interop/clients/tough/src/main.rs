//! tough behind the protocol of the interop drivers (test/interop/support/clients.ts): one JSON request a line on
//! standard input, one JSON answer a line on standard output.

use std::error::Error as StdError;
use std::io::{self, BufRead, Write};
use std::path::Path;
use std::time::Duration;

use aws_lc_rs::digest::{digest, SHA256};
use serde_json::{json, Map, Value};
use tough::{HttpTransportBuilder, IntoVec, Repository, RepositoryLoader, TargetName};
use url::Url;

/// What was linked is what the lock file says: cargo is run with `--locked`.
const LOCK: &str = include_str!("../Cargo.lock");

type Failure = Box<dyn StdError>;

fn main() -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let stdin = io::stdin();
    let mut stdout = io::stdout();
    answer(&mut stdout, &json!({ "client": "tough", "version": version() }))?;
    for line in stdin.lock().lines() {
        let result = match serde_json::from_str::<Value>(&line?) {
            Ok(request) => runtime.block_on(run(&request)),
            Err(error) => json!({ "failure": error.to_string() }),
        };
        answer(&mut stdout, &result)?;
    }
    Ok(())
}

fn answer(stdout: &mut io::Stdout, value: &Value) -> io::Result<()> {
    writeln!(stdout, "{value}")?;
    stdout.flush()
}

async fn run(request: &Value) -> Value {
    match load(request).await {
        Ok(repository) => {
            let mut targets = Map::new();
            for path in request["targets"].as_array().into_iter().flatten().filter_map(Value::as_str) {
                let found = download(&repository, path).await;
                targets.insert(path.to_owned(), found.unwrap_or_else(|error| json!({ "error": describe(&*error) })));
            }
            json!({
                "clock": "wall",
                "refresh": "ok",
                "rootVersion": repository.root().signed.version,
                "timestampVersion": repository.timestamp().signed.version,
                "snapshotVersion": repository.snapshot().signed.version,
                "targets": targets,
            })
        }
        Err(error) => json!({ "clock": "wall", "refresh": { "error": describe(&*error) }, "targets": {} }),
    }
}

/// Loads root, timestamp, snapshot and, as tough always does, every targets role. Its clock is the machine's.
async fn load(request: &Value) -> Result<Repository, Failure> {
    let datastore = Path::new(text(request, "state")?).join("metadata");
    std::fs::create_dir_all(&datastore)?;
    let root = std::fs::read(text(request, "root")?)?;
    // tough sleeps for this long before each request, the first try included.
    let transport = HttpTransportBuilder::new().initial_backoff(Duration::from_millis(1)).build();
    let metadata = Url::parse(text(request, "metadataUrl")?)?;
    let targets = Url::parse(text(request, "targetsUrl")?)?;
    let loader = RepositoryLoader::new(&root, metadata, targets).transport(transport).datastore(datastore);
    Ok(loader.load().await?)
}

async fn download(repository: &Repository, path: &str) -> Result<Value, Failure> {
    match repository.read_target(&TargetName::new(path)?).await? {
        None => Ok(json!("absent")),
        Some(stream) => {
            let bytes = stream.into_vec().await?;
            Ok(json!({ "sha256": hex::encode(digest(&SHA256, &bytes)) }))
        }
    }
}

fn text<'a>(request: &'a Value, field: &str) -> Result<&'a str, Failure> {
    request[field].as_str().ok_or_else(|| format!("request has no {field}").into())
}

/// `Variant: message: cause: cause`, the variant's name being what its Debug form begins with.
fn describe(error: &(dyn StdError + 'static)) -> String {
    let debug = format!("{error:?}");
    let name: String = debug.chars().take_while(|c| c.is_alphanumeric()).collect();
    let mut text = format!("{name}: {error}");
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(&format!(": {cause}"));
        source = cause.source();
    }
    text
}

fn version() -> &'static str {
    let entry = LOCK.split("[[package]]").find(|entry| entry.contains("\nname = \"tough\"\n")).unwrap_or("");
    entry.split("version = \"").nth(1).and_then(|rest| rest.split('"').next()).unwrap_or("unknown")
}
