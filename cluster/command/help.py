"""Help texts of the commands: what each reads, writes and prints, with examples.

`./playpen --help` prints usage.txt, which the shell script can read before Python's environment exists.
"""

from __future__ import annotations

from pathlib import Path

USAGE = (Path(__file__).parent / "usage.txt").read_text(encoding="utf-8")
"""Overview of all commands."""

HELP = {
    "train": """usage: ./playpen train [-m] [overrides]

Collects locations by touching, trains on them, evaluates, and draws the results.
  reads    conf/ (see conf/train.yaml), the location files of the chosen data set (generated on first use)
  writes   outputs/train/<time>_<experiment>/: checkpoints/, config.yaml, metrics.jsonl, metrics.csv, results.json,
           results.md, predictions/ (COCO JSON), figures/, wandb/; outputs/datasets/ (location files, kept between runs)
  prints   progress, a results table, RUN <folder> and RESULT {json}

examples:
  ./playpen train                                        the quickstart
  ./playpen train experiment=smoke seed=3                takes a minute and shows that everything works
  ./playpen train experiment=paper cluster.actors=35     the paper's schedule
  ./playpen train -m experiment=smoke learner.lr=1e-4,5e-4   a sweep (Hydra multirun)
  ./playpen train sweep=optuna                           a sweep of conf/sweep/: local, ray, optuna
  ./playpen train resume=outputs/train/RUN               continues a run that was stopped or died
  ./playpen train start_from=outputs/train/RUN           a new run that begins with the weights of another
  ./playpen train models=mask_rcnn learner=mask_rcnn actors.supervision=full   another model, for comparison

`./playpen train --cfg job` prints the whole configuration; `--hydra-help` explains Hydra's flags.
""",
    "evaluate": """usage: ./playpen evaluate [checkpoint=PATH] [overrides]

Measures a checkpoint on a data set of locations: box and mask AP, mass accuracy, confusion matrix, six-panel figures.
  reads    a run folder, a checkpoint folder or an exported model, else checkpoints/interaction.safetensors; the data
           set's test file (generated on first use)
  writes   outputs/evaluate/<time>/: results.json, results.md, predictions/ (COCO JSON), figures/
  prints   the checkpoint's steps and commit, a results table, RUN <folder> and RESULT {json}

examples:
  ./playpen evaluate evaluation.images=50
  ./playpen evaluate checkpoint=outputs/train/RUN evaluation=novel_objects

With system=hide_and_seek: plays games between pairs of players, and sends seekers to hiding places.
  reads    conf/game_evaluate.yaml; files of hiding places (places=FILE or FOLDER)
  writes   outputs/evaluate/<time>/: games.jsonl, results.json, results.md, results.csv, games.png, sheets and records
  prints   a table with 95 % intervals, RUN <folder> and RESULT {json}

example: ./playpen evaluate system=hide_and_seek 'hiders=[greedy]' 'seekers=[uniform,searcher]' games=40
""",
    "table": """usage: ./playpen table TABLE=NAME [--list] [settings] [overrides of train]

Compares the rows of conf/table/NAME.yaml: trains each with several seeds or reuses existing runs, measures all runs on
the same locations of each data set, and writes one table. The same command continues where it stopped.
  names    supervision, masks, reach, replay, choice, models, all (system=interaction); vdr, correction
           (system=hide_and_seek, compared by the final evaluations of the runs)
  --list   only lists existing and missing runs, and how long the missing ones may take
  settings seeds=[1,2,3] parallel=N data_sets=[novel_objects,novel_spaces] figures=4 (conf/table.yaml has all)
  reads    conf/, runs in outputs/train/ and outputs/sweeps/ with the same configuration
  writes   outputs/train/ (missing runs), outputs/tables/<name>_<experiment>-<hash>/: table.md, table.csv,
           figures/, logs/, wandb/
  prints   TABLE <folder>, the tables, and RESULT {json}

examples:
  ./playpen table TABLE=reach --list
  ./playpen table TABLE=reach experiment=quickstart seeds=[1,2]
  ./playpen table TABLE=vdr seeds=[1,2]
""",
    "predict": """usage: ./playpen predict [checkpoint=PATH] image=IMAGE depth=DEPTH [output=FOLDER]

Finds the objects in one RGB-D image.
  reads    a run folder, a checkpoint folder or an exported model, else checkpoints/interaction.safetensors; a 300x300
           colour image (PNG, JPEG, WebP, BMP, TIFF); depth along the camera axis: a 16-bit PNG or TIFF (depth_scale
           metres per unit, default 0.001), or metres in a float TIFF, .npy or .npz; docs/predict.md describes the
           conventions
  writes   OUTPUT/predictions.json (COCO: RLE mask, box, score, mass class), OUTPUT/overlay.png

examples:
  ./playpen predict image=rgb.png depth=depth.npy
  ./playpen predict checkpoint=outputs/train/RUN image=rgb.png depth=depth.npy output=found

With system=hide_and_seek: which actions would succeed in one picture, and what moves would show.
  reads    a checkpoint folder or a run folder; a colour picture of any size, whose largest centred square is used
  writes   OUTPUT/dynamics.json, OUTPUT/dynamics.png

example: ./playpen predict system=hide_and_seek checkpoint=outputs/train/RUN image=room.jpg
""",
    "export": """usage: ./playpen export checkpoint=FOLDER output=PATH [commit=HASH]

Writes the weights of a run into one file, for use without training, and describes them in a JSON file beside it:
network, settings of the actors, data set, steps, touches, overrides, commit, and the figures if the run is finished.
  reads    a checkpoint folder or a run folder
  writes   PATH.safetensors, PATH.json
  prints   their paths and size, and RESULT {json}

example: ./playpen export checkpoint=outputs/train/RUN output=checkpoints/interaction
""",
    "dataset": """usage: ./playpen dataset [evaluation=novel_spaces|novel_objects] [overrides]

Generates the location files of a data set for the embedded rooms: a training file, and a test file with ground truth.
After an interruption the same command continues.
  reads    conf/evaluation/
  writes   outputs/datasets/<name>-<hash of the settings>/: train.json, test.json
  prints   the paths and RESULT {json}

example: ./playpen dataset evaluation=novel_objects
""",
    "rooms": """usage: ./playpen rooms [overrides]

Draws contact sheets: rooms (colour, depth, instances) and touches (before, after, changed cells, mask, true mask).
  reads    conf/rooms.yaml
  writes   outputs/rooms/<time>/: views.png, touches.png
  prints   RUN <folder> and RESULT {json}

example: ./playpen rooms 'scenes=[FloorPlan1,FloorPlan30]' views=3

With system=hide_and_seek: plays a game in each room and draws it: a map with both ways, what was opened, and the hiding
place; a strip of what the players saw, with actions and rewards.
  reads    conf/game_rooms.yaml, or a saved record (record=GAME.json)
  writes   outputs/rooms/<time>/: a sheet and a record of each game
  prints   RUN <folder> and RESULT {json}

example: ./playpen rooms system=hide_and_seek 'scenes=[FloorPlan2]' hider=greedy seeker=searcher
""",
    "places": """usage: ./playpen places [overrides]

Finds places at which a goal object can be hidden, and how hard each is to find (docs/hiding_places.md). After an
interruption the same command continues.
  reads    conf/places.yaml
  writes   outputs/places/<hash of the settings>/SCENE/GOAL.json, and a picture
  prints   progress, a table and RESULT {json}

example: ./playpen places 'scenes=[FloorPlan1]' 'goals=[Cup]' count=20
""",
    "play": """usage: ./playpen play [overrides]

Serves a page on which a person plays hide and seek against a player of the program, looks at recorded games, or touches
objects (docs/howto/play.md). Only this machine reaches it unless host says otherwise; then its address has a token.
  reads    conf/play.yaml, conf/play/
  writes   hiding places and records of games below outputs/play/
  prints   PAGE <address>, and RESULT {json} after Ctrl-C

example: ./playpen play port=8300 checkpoint=outputs/train/RUN
""",
    "status": """usage: ./playpen status [RUN]

Shows the state of a run, from its folder alone: whether it is running, progress, rates, what each actor does, restarts
and their reasons, quarantined tasks, memory and disk use, the last checkpoint and how to resume from it.
  reads    RUN/status.json, RUN/checkpoints/ (without RUN: the newest run in outputs/train/)
  writes   nothing

example: ./playpen status outputs/train/RUN
""",
    "cluster": """usage: ./playpen cluster head [options] | join HOST:PORT [options] | status [HOST:PORT] | stop

Makes a Ray cluster of existing machines (cluster/README.md; clouds and Kubernetes: cluster/deploy/).
  head     starts the cluster's first node here, in the background, and prints how others join.
           --address IP|auto   address of this machine; default 127.0.0.1, which other machines cannot reach
           --port 6379  --dashboard-port 8265 (always on 127.0.0.1)
  join     starts a node here, in the background, that joins the head at HOST:PORT.
           --node-address IP   address of this machine; default: its address on the route to the head
  status   prints the nodes, their roles and free resources; without HOST:PORT those of the cluster started here
  stop     ends what head and join started on this machine, and nothing else
  --role learner|simulation|both   of head and join: whether the learner and the replay buffer, the actors, or both may
           run on the node; default: both for head, simulation for join
  --token-file FILE   of head, join and status: Ray's token, the same file on all machines; head creates a missing
           file; default RAY_AUTH_TOKEN_PATH or ~/.ray/auth_token; RAY_AUTH_MODE=disabled: no token
  --cpus N  --gpus N  --object-store-bytes N   of head and join; default: determined by Ray
  writes   ~/.cache/playpen/cluster/ (a record and a log for each node), the token file
  prints   the next steps, RESULT {json}

examples:
  ./playpen cluster head --address auto --role learner
  ./playpen cluster join 10.0.0.1:6379 --token-file token
  ./playpen train cluster=ray cluster.address=10.0.0.1:6379
""",
    "pack": """usage: ./playpen pack DIR [--python 3.12] [--platform NAME] [--part-mib 60] [--installed FILE]

Downloads the wheels that a machine without a network lacks, and packs them with a script that installs them there
(docs/howto/offline.md).
  --python     version of Python there; default: that of this environment
  --platform   platform there, as wheels name it, such as manylinux_2_28_x86_64 for glibc 2.28; default: this machine's
  --part-mib   size of a part, at most, in MiB; larger wheels are cut into pieces
  --installed  output of `pip freeze` there: what it names in the same version is left out, torch and what belongs to it
               in any version. A name alone, without ==VERSION, is left out in any version too
  reads    pyproject.toml, constraints.txt, FILE
  writes   DIR/: part-01.tar and so on, SHA256SUMS, install.sh
  prints   the parts and RESULT {json}

examples:
  ./playpen pack wheels
  ./playpen pack wheels --python 3.12 --platform manylinux_2_39_x86_64 --installed freeze.txt
""",
    "bench": """usage: ./playpen bench NAME [options]

Runs a benchmark of benchmarks/: it prints its conditions, a table, and RESULT {json}.
  names    {names}
  `./playpen bench NAME --help` explains what it measures.

example: ./playpen bench replay
""",
}
"""Help text by command."""
