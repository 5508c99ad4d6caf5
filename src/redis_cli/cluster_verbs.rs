//! `redis-cli --cluster`: its verbs by the names and options that it gives them, done by [`crate::cluster`].

use std::process::ExitCode;

use super::options::{self, Options};
use crate::client::Address;
use crate::cluster::{Order, Role, carry_out};

const USAGE: &str = "\
Cluster Manager Commands, as Redstart has them:
  create         host1:port1 ... hostN:portN
                 --cluster-replicas <arg>
                 --cluster-yes
  check          <host:port>
  info           <host:port>
  fix            <host:port>
  rebalance      <host:port>
                 --cluster-weight <node1=w1...nodeN=wN>
                 --cluster-use-empty-masters
  add-node       new_host:new_port existing_host:existing_port
                 --cluster-slave
                 --cluster-master-id <arg>
  del-node       host:port node_id

More, and plans before anything is done: redstart cluster --help
";

/// What the options of the verbs say.
#[derive(Default)]
struct Said {
    replicas: usize,
    is_yes: bool,
    uses_empty: bool,
    is_replica: bool,
    primary: Option<String>,
    weights: Vec<String>,
}

/// Runs a verb.
pub(super) fn run(options: &Options, words: &[String]) -> ExitCode {
    match parse(options, words) {
        Ok(None) => super::tell(USAGE.as_bytes()),
        Ok(Some((options, order, is_yes))) => carry_out(options.credentials, is_yes, &order),
        Err(text) => {
            super::complain(&text);
            ExitCode::FAILURE
        }
    }
}

/// What is to be done, and whether it is agreed to.
fn parse(options: &Options, words: &[String]) -> Result<Option<(Options, Order, bool)>, String> {
    let mut options = options.clone();
    let mut said = Said::default();
    let mut plain: Vec<&str> = Vec::new();
    let mut rest = words.iter().map(String::as_str).peekable();
    while let Some(word) = rest.next() {
        match word {
            "--cluster-yes" => said.is_yes = true,
            "--cluster-use-empty-masters" => said.uses_empty = true,
            "--cluster-slave" | "--cluster-replica" => said.is_replica = true,
            "--cluster-replicas" => {
                let count = rest.next().and_then(|count| count.parse().ok());
                said.replicas = count.ok_or("--cluster-replicas needs a number")?;
            }
            "--cluster-master-id" | "--cluster-primary-id" => {
                said.primary =
                    Some(rest.next().ok_or("--cluster-master-id needs an id")?.to_owned());
            }
            "--cluster-weight" => {
                while let Some(weight) = rest.next_if(|word| word.contains('=')) {
                    said.weights.push(weight.to_owned());
                }
            }
            word if word.starts_with("--cluster-") => {
                return Err(format!("{word} is not there. redstart cluster --help tells what is."));
            }
            word if word.starts_with('-') => {
                options::option(&mut options, word, &mut || rest.next())?
            }
            word => plain.push(word),
        }
    }
    let is_yes = said.is_yes;
    let order = order(&plain, said)?;
    // Only `create` asks, as there.
    Ok(order.map(|order| {
        let is_yes = is_yes || !matches!(order, Order::Create { .. });
        (options, order, is_yes)
    }))
}

fn order(plain: &[&str], said: Said) -> Result<Option<Order>, String> {
    let address =
        |text: &str| Address::parse(text).ok_or_else(|| format!("Invalid node address: {text}"));
    Ok(Some(match plain {
        ["help"] | [] => return Ok(None),
        ["create", nodes @ ..] if !nodes.is_empty() => Order::Create {
            nodes: nodes.iter().map(|node| address(node)).collect::<Result<_, _>>()?,
            replicas: said.replicas,
        },
        ["info", entry] => Order::Status { entry: address(entry)? },
        ["check", entry] => Order::Check { entry: address(entry)?, is_fix: false },
        ["fix", entry] => Order::Check { entry: address(entry)?, is_fix: true },
        ["rebalance", entry] => Order::Rebalance {
            entry: address(entry)?,
            weights: said.weights,
            uses_empty: said.uses_empty,
        },
        ["add-node", new, entry] => Order::Add {
            entry: address(entry)?,
            nodes: vec![address(new)?],
            role: match (said.primary, said.is_replica) {
                (Some(primary), _) => Role::ReplicaOf(primary),
                (None, true) => Role::Replica,
                (None, false) => Role::Primary,
            },
            is_rebalanced: false,
        },
        ["del-node", entry, id] => Order::Remove {
            entry: address(entry)?,
            names: vec![(*id).to_owned()],
            is_drained: false,
        },
        [verb, ..] => {
            return Err(format!(
                "[ERR] Wrong number of arguments for --cluster {verb}, or it is not there.\n{USAGE}"
            ));
        }
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> Result<Option<(Order, bool)>, String> {
        let Ok(options::Wanted::Cluster(options, words)) = options::parse(
            &[b"--cluster".to_vec()]
                .into_iter()
                .chain(line.split(' ').map(|word| word.as_bytes().to_vec()))
                .collect::<Vec<_>>(),
        ) else {
            panic!("a verb")
        };
        parse(&options, &words).map(|read| read.map(|(_, order, is_yes)| (order, is_yes)))
    }

    #[test]
    fn verbs_are_read_as_redis_cli_reads_them() {
        let node = |port| Address::local(port);
        assert_eq!(
            read("create 127.0.0.1:1 127.0.0.1:2 --cluster-replicas 1 --cluster-yes"),
            Ok(Some((Order::Create { nodes: vec![node(1), node(2)], replicas: 1 }, true)))
        );
        assert!(matches!(read("create 127.0.0.1:1"), Ok(Some((Order::Create { .. }, false)))));
        let order = Order::Add {
            entry: node(2),
            nodes: vec![node(1)],
            role: Role::ReplicaOf("abcd".to_owned()),
            is_rebalanced: false,
        };
        assert_eq!(
            read("add-node 127.0.0.1:1 127.0.0.1:2 --cluster-slave --cluster-master-id abcd"),
            Ok(Some((order, true)))
        );
        let order = Order::Rebalance {
            entry: node(1),
            weights: vec!["a=1".to_owned(), "b=2".to_owned()],
            uses_empty: true,
        };
        assert_eq!(
            read("rebalance --cluster-weight a=1 b=2 --cluster-use-empty-masters 127.0.0.1:1"),
            Ok(Some((order, true)))
        );
        assert_eq!(read("help"), Ok(None));
    }

    #[test]
    fn what_is_not_there_is_refused() {
        for line in ["reshard 127.0.0.1:1", "create", "check x", "check 127.0.0.1:1 --cluster-copy"]
        {
            assert!(read(line).is_err(), "{line}");
        }
    }
}
