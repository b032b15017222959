//! The commands, step by step.

use super::{
    RelevanceError, Result,
    args::{CorpusArgs, GenerateArgs, HalfArg, RunArgs},
    corpus::{self, Corpus},
    draw, evaluate, folder, print,
    progress::Progress,
    read, server,
    sets::{self, Question},
    write,
};
use crate::client::{
    out::line,
    table::{Align, lines},
};
use ax_engine::RankingParameters;
use ax_model::{Code, Fault};
use ax_relevance::{
    Estimate, Half, Measure, QueryResult, Results, Row,
    ablation::{Ablation, ablation},
    baseline::{self, Comparison},
    figures,
    generate::Draw,
    html, paired,
    sweep::{self, Descent, Setting, Trial},
};
use serde::Serialize;
use std::process::ExitCode;

/// Draws sets and says where they are.
pub fn generate(args: &GenerateArgs) -> Result<ExitCode> {
    let corpus = open(&args.corpus)?
        .ok_or_else(|| bad("--corpus", "give what to draw from: --corpus DIR with --work DIR"))?;
    let draw = Draw { seed: args.draw.seed, per_set: args.draw.per_set };
    let rows = draw::sets(&corpus, draw)?.into_iter().map(|(set, place)| {
        vec![set.name, set.queries.len().to_string(), place.display().to_string()]
    });
    let header = [("set", Align::Left), ("queries", Align::Right), ("file", Align::Left)];
    lines(&header, &rows.collect::<Vec<_>>()).into_iter().for_each(line);
    Ok(ExitCode::SUCCESS)
}

/// Everything that a run finds, as it is written.
#[derive(Serialize)]
struct Found {
    results: Results,
    /// The half that `figures` are of; none for both.
    half: Option<Half>,
    figures: Vec<Row>,
    ablations: Vec<Ablation>,
    trials: Vec<Trial>,
    best: Option<Best>,
    comparison: Option<Comparison>,
}

/// The best setting of a sweep.
#[derive(Serialize)]
struct Best {
    setting: Setting,
    /// Change of MRR on the half for testing.
    test_gain: Estimate,
}

/// Asks, and whatever else is wanted.
pub fn run(args: &RunArgs) -> Result<ExitCode> {
    let half = half(args)?;
    let start = evaluate::setting(&args.params)?;
    let corpus = open(&args.corpus)?;
    if corpus.is_none() && args.server.is_none() {
        return Err(bad(
            "--corpus",
            "give what to search: --corpus DIR with --work DIR, or --server URL",
        ));
    }
    let questions = sets::gather(args, corpus.as_ref())?;
    let results = match (&corpus, &args.server) {
        (Some(corpus), _) => in_process(corpus, &questions, &start)?,
        (None, url) => of_server(url.as_deref().unwrap_or_default(), &questions)?,
    };
    let figures = figures(&results.queries, half);
    print::figures(&figures, &results, half);
    let (ablations, trials, best) = match &corpus {
        Some(corpus) => explore(args, corpus, &questions, &start, &results.queries)?,
        None => Default::default(),
    };
    let comparison = compare(args, &results)?;
    let found = Found { results, half, figures, ablations, trials, best, comparison };
    keep(args, &found)?;
    let is_worse = found.comparison.as_ref().is_some_and(Comparison::is_worse);
    Ok(ExitCode::from(u8::from(is_worse)))
}

/// The half that figures are of. Nothing is tuned on the half for testing: whoever asks to see it beside a
/// sweep would soon tune by it.
fn half(args: &RunArgs) -> Result<Option<Half>> {
    let is_sweep = args.coordinate || !args.sweep.is_empty();
    match args.half {
        Some(HalfArg::Test | HalfArg::All) if is_sweep => Err(bad(
            "--half",
            "parameters are tuned on the half for tuning only: leave --half out, or give `tune`",
        )),
        Some(HalfArg::Tune) => Ok(Some(Half::Tune)),
        None if is_sweep => Ok(Some(Half::Tune)),
        Some(HalfArg::Test) | None => Ok(Some(Half::Test)),
        Some(HalfArg::All) => Ok(None),
    }
}

fn open(args: &CorpusArgs) -> Result<Option<Corpus>> {
    match &args.work {
        Some(work) if !args.corpora.is_empty() => {
            corpus::open(&folder::folders(&args.corpora)?, work, args.rebuild).map(Some)
        }
        _ => Ok(None),
    }
}

fn in_process(corpus: &Corpus, questions: &[Question], setting: &Setting) -> Result<Results> {
    let all: Vec<&Question> = questions.iter().collect();
    let progress = Progress::of("asking", all.len() as u64);
    Ok(Results {
        ax: env!("CARGO_PKG_VERSION").to_owned(),
        corpus: corpus.identity.clone(),
        num_files: corpus.files.len() as u64,
        parameters: setting.clone(),
        queries: evaluate::ask(corpus, &all, setting, &progress)?,
    })
}

fn of_server(url: &str, questions: &[Question]) -> Result<Results> {
    Ok(Results {
        ax: env!("CARGO_PKG_VERSION").to_owned(),
        corpus: "server".to_owned(), // what it holds, it does not say
        num_files: 0,
        parameters: Setting::new(),
        queries: server::ask(url, questions)?,
    })
}

type Explored = (Vec<Ablation>, Vec<Trial>, Option<Best>);

fn explore(
    args: &RunArgs,
    corpus: &Corpus,
    questions: &[Question],
    start: &Setting,
    with: &[QueryResult],
) -> Result<Explored> {
    let mut explored = Explored::default();
    if args.ablate {
        explored.0 = ablate(corpus, questions, start, with)?;
        print::ablations(&explored.0);
    }
    if args.coordinate || !args.sweep.is_empty() {
        let tuned: Vec<&Question> =
            questions.iter().filter(|question| question.half() == Half::Tune).collect();
        let (trials, best) = match args.coordinate {
            true => descend(corpus, &tuned, start, args.trials)?,
            false => grid(corpus, &tuned, start, &args.sweep)?,
        };
        let after = in_process(corpus, questions, &best)?.queries;
        let tested = with.iter().zip(&after).filter(|pair| pair.0.half() == Half::Test);
        let test_gain = paired(tested, Measure::Mrr);
        print::trials(&trials);
        print::best(start, &best, &test_gain);
        (explored.1, explored.2) = (trials, Some(Best { setting: best, test_gain }));
    }
    Ok(explored)
}

/// Each weight at 0 in turn.
fn ablate(
    corpus: &Corpus,
    questions: &[Question],
    start: &Setting,
    with: &[QueryResult],
) -> Result<Vec<Ablation>> {
    let all: Vec<&Question> = questions.iter().collect();
    let value = |name: &str| start.get(name).copied().unwrap_or_default();
    let weights = RankingParameters::ALL.iter().filter(|parameter| parameter.is_weight);
    let weights: Vec<_> = weights.filter(|parameter| value(parameter.name) > 0.0).collect();
    let progress = Progress::of("leaving out signals", (all.len() * weights.len()) as u64);
    let mut found = Vec::new();
    for parameter in weights {
        let mut setting = start.clone();
        setting.insert(parameter.name.to_owned(), 0.0);
        let without = evaluate::ask(corpus, &all, &setting, &progress)?;
        found.push(ablation(parameter.name, value(parameter.name), with, &without));
    }
    Ok(found)
}

fn grid(
    corpus: &Corpus,
    tuned: &[&Question],
    start: &Setting,
    axes: &[String],
) -> Result<(Vec<Trial>, Setting)> {
    let knobs = evaluate::knobs();
    let axes = axes.iter().map(|text| sweep::axis(text, &knobs)).collect::<Result<Vec<_>, _>>()?;
    let settings = sweep::grid(start, &axes)?;
    let progress = Progress::of("sweeping", (tuned.len() * settings.len()) as u64);
    let mut trials: Vec<Trial> = Vec::new();
    for setting in settings {
        let score = evaluate::mrr(&evaluate::ask(corpus, tuned, &setting, &progress)?);
        trials.push(Trial { moved: None, setting, score });
    }
    let best = trials.iter().max_by(|a, b| a.score.total_cmp(&b.score));
    let best = best.map_or_else(|| start.clone(), |best| best.setting.clone());
    Ok((trials, best))
}

fn descend(
    corpus: &Corpus,
    tuned: &[&Question],
    start: &Setting,
    most: usize,
) -> Result<(Vec<Trial>, Setting)> {
    let mut descent = Descent::new(evaluate::knobs(), start.clone(), most);
    let progress = Progress::of("descending", (tuned.len() * most) as u64);
    while let Some(setting) = descent.ask() {
        let score = evaluate::mrr(&evaluate::ask(corpus, tuned, setting, &progress)?);
        descent.tell(score);
    }
    Ok((descent.trials().to_vec(), descent.best().clone()))
}

fn compare(args: &RunArgs, results: &Results) -> Result<Option<Comparison>> {
    let Some(path) = &args.baseline else { return Ok(None) };
    let before = baseline::read(&path.display().to_string(), &read(path)?)?;
    let found = baseline::compare(&before, results, args.force)?;
    print::comparison(&found);
    Ok(Some(found))
}

fn keep(args: &RunArgs, found: &Found) -> Result<()> {
    if let Some(path) = &args.save {
        write(path, &json(&found.results)?)?;
    }
    if let Some(path) = &args.json {
        write(path, &json(found)?)?;
    }
    if let Some(path) = &args.html {
        let best = found.best.as_ref().map(|best| (&best.setting, best.test_gain));
        let page = html::page(&html::Findings {
            results: &found.results,
            figures: &found.figures,
            half: found.half,
            ablations: &found.ablations,
            trials: &found.trials,
            best,
            comparison: found.comparison.as_ref(),
        });
        write(path, page.as_bytes())?;
    }
    Ok(())
}

fn json(value: &impl Serialize) -> Result<Vec<u8>> {
    let text = serde_json::to_vec_pretty(value);
    Ok(text.map_err(|error| Fault::new(Code::Internal, error.to_string()))?)
}

fn bad(field: &str, what: &str) -> RelevanceError {
    Fault::new(Code::ConfigBadValue, what).in_field(field).into()
}
