"""`sentinel bench …`: thin commands over the measurements."""

from __future__ import annotations

import asyncio
import json as json_module
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from sentinel.core.errors import OperatorError
from sentinel.core.host.places import student_folder

NANO = student_folder()

app = typer.Typer(no_args_is_help=True, help="Measure Sentinel's parts.", pretty_exceptions_enable=False)

Json = Annotated[bool, typer.Option("--json", help="Print one JSON value instead of text.")]


@app.callback()
def _root() -> None:
    pass


@app.command("mainnet-blocks")
def mainnet_blocks(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Folder of recorded blocks, or of one.")],
    only: Annotated[str, typer.Option(help="Block numbers, separated by commas; else all.")] = "",
    json: Json = False,
) -> None:
    """Simulate real blocks' transactions as candidates are simulated; compare status, gas, logs, return data."""
    from lab.mainnet_blocks.benchmark import measure

    found = asyncio.run(measure(folder, only=_numbers(only, "--only"), progress=_progress))
    if json:
        typer.echo(json_module.dumps(found))
        return
    for report in found["blocks"]:
        unknown = f", {len(report['unknown_slots'])} unknown slots" if report["unknown_slots"] else ""
        typer.echo(
            f"{report['block']:>9} {report['hardfork']:<13} {report['exact']:>5} of {report['transactions']:>5} exact, "
            f"swaps {report['swap_transactions_exact']} of {report['swap_transactions']}{unknown}"
        )
        for miss in report["misses"] if report["after_london"] else ():
            typer.echo(f"          {miss['index']:>5} {miss['category']}: {miss['detail']}")
    typer.echo(f"after London: {_words(found['summary'])}")


@app.command()
def decide(
    n: Annotated[str, typer.Option("--n", help="Samples a step, separated by commas.")] = "1,8,16,32",
    heads: Annotated[int, typer.Option(min=1, help="Heads decided at each n.")] = 60,
    proposer: Annotated[str, typer.Option(help="student (real vLLM) or oracle (the built-in solver).")] = "student",
    seed: Annotated[int, typer.Option(help="Of the market, the wallet and the sampler.")] = 7,
    json: Json = False,
) -> None:
    """Time from a head to signed bytes, by stage, on a local market that is started for it and stopped afterwards."""
    from lab.bench.decision_time import measure

    sizes = _numbers(n, "--n")
    if not sizes or min(sizes) < 1 or proposer not in ("student", "oracle"):
        raise OperatorError("--n wants numbers from 1 on, --proposer student or oracle")
    found = measure(
        sizes,
        heads,
        proposer,
        seed,
        say=lambda text: typer.echo(text, err=True),
        progress=lambda done: _progress(done, heads * len(sizes), "heads"),
    )
    if json:
        typer.echo(json_module.dumps(found))
        return
    for size in found["sizes"]:
        typer.echo(f"n = {size['n']}: {size['decisions']}; milliseconds p50 / p95 / p99")
        rows = {name: size[name] for name in ("head_to_signed", "but_the_model", "own")} | size["stages"]
        for name, times in rows.items():
            typer.echo(f"  {name:<15}" + "".join(f"{value:>10.2f}" for value in times.values()))
    typer.echo(f"waiting for the next head's market: {found['next_market']}")


@app.command()
def crash(
    kills: Annotated[int, typer.Option(min=1, help="How often a process is killed.")] = 2000,
    execs: Annotated[int, typer.Option("--exec", min=0, help="So many of them: a whole `sentinel run`.")] = 0,
    lanes: Annotated[int, typer.Option(min=1, help="Wallets that live and die at once.")] = 2,
    seed: Annotated[int, typer.Option(help="Of points, times and faults.")] = 1,
    mutant: Annotated[
        bool, typer.Option("--send-then-save", help="Kill a mutant that sends first: it must show doubles.")
    ] = False,
    json: Json = False,
) -> None:
    """SIGKILL the send path again and again, hold the chain against the journal. Exit code 1 where they differ."""
    from lab.crash.crash_run import measure

    if execs > kills:
        raise OperatorError("--exec is a part of --kills")
    found = asyncio.run(measure(kills, execs=execs, lanes=lanes, seed=seed, mutant=mutant, progress=_progress))
    if json:
        typer.echo(json_module.dumps(found))
    else:
        for name, value in found.items():
            typer.echo(f"{name:<17} {value}")
    if found["double"] or found["lost"] or found["disagree"]:
        raise typer.Exit(1)


@app.command()
def soak(
    blocks: Annotated[int, typer.Option(min=20, help="Blocks, as fast as they come.")] = 20_000,
    seed: Annotated[int, typer.Option(help="Of the faults.")] = 1,
    json: Json = False,
) -> None:
    """The send path over many blocks with faults: memory, descriptors, database and log, with slopes."""
    from lab.bench.send_path_soak import soak as measure

    found = asyncio.run(measure(blocks, seed=seed, progress=_progress))
    if json:
        typer.echo(json_module.dumps(found))
    else:
        for name, value in found.items():
            typer.echo(f"{name:<17} {value if name != 'samples' else len(value)}")
    if found["double"] or found["lost"] or found["disagree"]:
        raise typer.Exit(1)


@app.command("close-votes")
def close_votes(
    model: Annotated[Path, typer.Option(help="Folder of the student; one trained less disagrees more.")] = NANO,
    states: Annotated[int, typer.Option(min=1, help="States to decide on.")] = 120,
    n: Annotated[int, typer.Option(min=1, help="Samples of the first round.")] = 8,
    most: Annotated[int, typer.Option(min=2, help="Samples with the further round.")] = 16,
    temperature: Annotated[float, typer.Option(help="Higher ones make the student disagree with itself.")] = 1.5,
    json: Json = False,
) -> None:
    """Does asking for more pay where a vote is close? Right is what the oracle decides; real vLLM, our student."""
    from lab.bench.close_votes import measure

    if most <= n:
        raise OperatorError("--most must be above --n")
    found = measure(
        model,
        states,
        n,
        most,
        temperature,
        say=lambda text: typer.echo(text, err=True),
        progress=lambda done: _progress(done, states, "states"),
    )
    if json:
        typer.echo(json_module.dumps(found))
        return
    typer.echo(f"{found['close']} of {states} votes were close, {found['changed']} decisions changed")
    for name, way in found["ways"].items():
        typer.echo(f"  {name:<6} {way}")


def _words(total: dict[str, Any]) -> str:
    return (
        f"{total['exact']} of {total['transactions']} transactions exact, "
        f"{total['swap_transactions_exact']} of {total['swap_transactions']} with swaps "
        f"(V2 {total['swaps_v2_exact']}/{total['swaps_v2']}, V3 {total['swaps_v3_exact']}/{total['swaps_v3']}), "
        f"misses {total['misses'] or 'none'}, {total['unknown_slots']} unknown slots"
    )


def _numbers(text: str, option: str) -> list[int]:
    try:
        return [int(part) for part in text.split(",") if part.strip()]
    except ValueError as error:
        raise OperatorError(f"{option} {text}: numbers separated by commas are wanted") from error


def _progress(done: int, total: int, what: str) -> None:
    """One line that is written over, on a terminal alone, so that standard output stays the result."""
    if not sys.stderr.isatty():
        return
    width = 30
    filled = width * done // max(total, 1)
    line = f"\r[{'#' * filled}{'.' * (width - filled)}] {done}/{total} {what:<24}"
    sys.stderr.write(line if done < total else "\r" + " " * len(line) + "\r")
    sys.stderr.flush()


@app.command()
def simulate(
    candidates: Annotated[str, typer.Option(help="How many at once, separated by commas.")] = "8,64,256",
    rounds: Annotated[int, typer.Option(min=1, help="Batches of each, in turns with the floor.")] = 30,
    seed: Annotated[int, typer.Option(help="Of the candidates.")] = 5,
    json: Json = False,
) -> None:
    """A batch of candidates against the bare requests, snapshot/send/revert and real broadcast, on a local market."""
    import uvloop

    from lab.bench.simulation_cost import measure

    sizes = _numbers(candidates, "--candidates")
    if not sizes or min(sizes) < 1:
        raise OperatorError(f"--candidates {candidates}: numbers of at least 1 are wanted")
    rows = uvloop.run(measure(sizes, rounds=rounds, seed=seed, progress=_progress))
    if json:
        typer.echo(json_module.dumps(rows))
        return
    typer.echo("candidates  batch ms  floor ms   ratio  snapshot ms  times faster  identical  reverts")
    for row in rows:
        typer.echo(
            f"{row['candidates']:>10} {row['batch_ms']:>9.2f} {row['floor_ms']:>9.2f} {row['floor_ratio']:>7.3f} "
            f"{row['snapshot_ms']:>12.1f} {row['snapshot_ratio']:>13.1f} {row['identical']:>10} {row['reverts']:>8}"
        )


@app.command()
def engines(
    candidates: Annotated[int, typer.Option(min=1, help="How many random candidates.")] = 2000,
    seed: Annotated[int, typer.Option(help="Of the candidates.")] = 11,
) -> None:
    """Compare the batch engine with the one that mines each candidate; JSON. Fails where any effect differs."""
    import uvloop

    from lab.bench.engine_comparison import compare

    found = uvloop.run(compare(candidates, seed=seed, progress=_progress))
    typer.echo(json_module.dumps(found))
    if found["differ"]:
        raise typer.Exit(1)


@app.command()
def memory(
    batches: Annotated[int, typer.Option(min=1, help="How many batches.")] = 10_000,
    size: Annotated[int, typer.Option(min=1, help="Candidates in each.")] = 8,
) -> None:
    """Resident memory over many batches, of this process and of the fork; JSON."""
    import uvloop

    from lab.bench.resident_memory import soak

    typer.echo(json_module.dumps(uvloop.run(soak(batches, size=size, progress=_progress))))


@app.command()
def freshness(
    delays: Annotated[str, typer.Option(help="Milliseconds to the upstream, separated by commas.")] = "0,50,500",
    heads: Annotated[int, typer.Option(min=1, help="Heads each way.")] = 4,
) -> None:
    """What a new head costs the fork behind a slow upstream: reset, cold batch, warmed batch; JSON."""
    import uvloop

    from lab.bench.freshness import measure

    typer.echo(json_module.dumps(uvloop.run(measure(_numbers(delays, "--delays"), heads=heads, progress=_progress))))


@app.command()
def serving(
    model: Annotated[Path, typer.Option(help="Folder of the student.")] = NANO,
    n: Annotated[str, typer.Option("--n", help="Samples a step, separated by commas.")] = "1,8,32",
    rounds: Annotated[int, typer.Option(min=1, help="Requests of each kind, size and server.")] = 20,
    log: Annotated[Path, typer.Option(help="Where the servers write.")] = Path("build/bench-serving.log"),
) -> None:
    """Which way of serving is fastest: one vLLM each for eager, compiled, with and without prefix cache, …; JSON."""
    import uvloop

    from lab.bench.serving_speed import measure

    log.parent.mkdir(parents=True, exist_ok=True)
    found = uvloop.run(
        measure(
            model,
            _numbers(n, "--n"),
            rounds,
            log,
            say=lambda text: typer.echo(text, err=True),
            progress=lambda done, total: _progress(done, total, "rounds"),
        )
    )
    typer.echo(json_module.dumps(found))


@app.command()
def promotion(
    home: Annotated[Path, typer.Option(help="Folder of the poor student, of state and logs.")] = Path(
        "build/promotion"
    ),
    new: Annotated[Path, typer.Option(help="Folder of the better student.")] = NANO,
    heldout: Annotated[int, typer.Option(min=100, help="Held-out states to compare the two on.")] = 150,
    shadow_blocks: Annotated[int, typer.Option(min=10, help="Blocks in shadow.")] = 20,
) -> None:
    """A poor student is live, a better one takes its place and gives it back: all real, from end to end; JSON."""
    import tempfile

    import uvloop

    from lab.bench.promotion_proof import poor_student, prove

    poor = poor_student(home)
    place = Path(tempfile.mkdtemp(prefix="run-", dir=home)).resolve()
    found = uvloop.run(
        prove(
            poor,
            new.resolve(),
            place,
            heldout=heldout,
            shadow_blocks=shadow_blocks,
            say=lambda text: typer.echo(text, err=True),
        )
    )
    typer.echo(json_module.dumps(found, indent=1))


@app.command()
def operations(
    minutes: Annotated[float, typer.Option(min=1, max=120, help="Of the drill; its plan is made for 30.")] = 30.0,
    model: Annotated[Path, typer.Option(help="Folder of the student.")] = NANO,
    page: Annotated[Path | None, typer.Option(help="Page to fill, with pictures in a folder beside it.")] = None,
) -> None:
    """Real parts fail by plan under real Prometheus: which alert fires when, and when it clears; JSON."""
    import uvloop

    from lab.operations.drill_run import drill

    found = uvloop.run(drill(minutes, model.resolve(), page, lambda text: typer.echo(text, err=True)))
    typer.echo(json_module.dumps(found, indent=1))
