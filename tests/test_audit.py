"""What a log proves of itself, held against logs whose votes we know, by SciPy's own beta and normal laws."""

import dataclasses
import hashlib

import numpy as np
import pytest
from logs import write
from scipy import stats

from rsexplore import data, noises, records
from rsexplore.audit import audit, mean_radius
from rsexplore.records import Header, Row

N, SIGMA = 2000, 0.5
GAUSSIAN = noises.Gaussian(SIGMA)
SHOWN = ["{:.3}", "{:.4f}", "{:.5f}", "{}"]


def radii(count, alpha, n=N):
    """Radii of counts, by the laws that the programs of others use; below 0 where they abstain."""
    count = np.asarray(count)
    return SIGMA * stats.norm.ppf(stats.beta.ppf(alpha, np.maximum(count, 1), n - count + 1))


COUNT = np.concatenate([np.random.default_rng(1).integers(900, N + 1, 150), [N] * 20, [N - 1] * 5, [N - 2] * 5])


def lines(count=COUNT, alpha=0.001, show="{:.4f}", step=20):
    """Lines of a log with these votes; every seventh prediction is wrong."""
    found = ["idx\tlabel\tpredict\tradius\tcorrect\ttime"]
    for place, radius in enumerate(radii(count, alpha)):
        label = place % 10
        predict = -1 if radius < 0 else label + (place % 7 == 0)
        shown = "0.0" if radius < 0 else show.format(float(radius))
        found.append(f"{place * step}\t{label}\t{predict}\t{shown}\t{int(label == predict)}\t0:00:01")
    return found


def put(path, found):
    path.write_text("\n".join(found) + "\n")
    return path


def audited(tmp_path, found, **options):
    return audit(put(tmp_path / "theirs.tsv", found), GAUSSIAN, **{"n": N} | options)


@pytest.mark.parametrize("show", SHOWN)
@pytest.mark.parametrize("alpha", [0.001, 0.005, 0.01, 0.05])
def test_a_log_tells_its_level_and_which_radii_no_count_gives(tmp_path, alpha, show):
    text = lines(alpha=alpha, show=show)
    found = audited(tmp_path, text)
    assert found.levels.told == found.levels.best == alpha and alpha in found.levels.fits
    # no number is compared: a radius can be had where some count is printed in the same words
    all_counts = np.arange(N // 2, N + 1)
    for level in (0.001, 0.01):
        words = {show.format(float(x)) for x in radii(all_counts, level)}
        rows = [line.split("\t") for line in text[1:]]
        wanted = [int(row[0]) for row in rows if row[2] != "-1" and row[3] not in words]
        if show != "{}":  # whose last digits are SciPy's, and not ours
            assert found.levels.impossible[level].tolist() == wanted
        assert bool(wanted) == (level != alpha)
    below, above = (float(show.format(float(radii(N, found.levels.least * factor)))) for factor in (0.999, 1.001))
    assert below < found.records.radius.max() <= above


@pytest.mark.parametrize("show", SHOWN)
def test_what_was_rounded_up(tmp_path, show):
    found = audited(tmp_path, lines(show=show))
    all_radii = radii(np.arange(N // 2, N + 1), 0.001)
    words = np.array([show.format(float(x)) for x in all_radii])
    up = perhaps = 0
    for radius in radii(COUNT, 0.001):
        if radius >= 0:
            shown = show.format(float(radius))
            above = all_radii[words == shown] < float(shown)
            up, perhaps = up + above.all(), perhaps + (above.any() and not above.all())
    assert found.rounded_up == (up, perhaps) and (up > 30) == (show != "{}")


def test_one_radius_that_was_made_larger_is_found(tmp_path):
    text = lines()
    place = next(i for i, line in enumerate(text) if f"\t{radii(N, 0.001):.4f}\t" in line)
    text[place] = text[place].replace(f"{radii(N, 0.001):.4f}", f"{radii(N, 0.001) - 0.01:.4f}")
    found = audited(tmp_path, text)
    index = int(text[place].split("\t")[0])
    assert found.levels.fits == [] and found.levels.told is None and found.levels.best == 0.001
    assert found.levels.impossible[0.001].tolist() == [index]
    told = str(found)
    assert "none of 0.0001, 0.0005, 0.001, 0.005, 0.01, 0.05, 0.1 gives every printed radius with n = 2000" in told
    assert f"radii that no count of votes gives at level 0.001: 1 (image {index})" in told
    assert found.to_dict()["level"] == "none"


def test_small_radii_tell_nothing(tmp_path):
    found = audited(tmp_path, lines(count=np.full(50, 1100), show="{:.2}"))
    assert found.levels.told is None and 0.001 in found.levels.fits and found.levels.best == 0.001
    assert "level: not told" in str(found) and found.to_dict()["level"] == "not told"


def test_the_level_is_told_by_votes_that_are_all_alike_or_by_none_of_them(tmp_path):
    few = COUNT[COUNT < N - 2]
    without = audited(tmp_path, lines(count=few, alpha=0.01, show="{:.5f}"))
    assert without.levels.told == 0.01 and without.levels.least < 0.005
    # 0.1 gives this radius as well, but to fewer votes
    some = range(1000, N)
    n = next(n for n in some if f"{radii(n, 0.001, n):.3}" in {f"{x:.3}" for x in radii(n - np.arange(1, 9), 0.1, n)})
    shown = f"{radii(n, 0.001, n):.3}"
    text = [line.replace("\tRADIUS\t", f"\t{shown}\t") for line in lines(count=[N] * 9, show="RADIUS")]
    found = audited(tmp_path, text, n=n).levels
    assert found.told == 0.001 and {0.001, 0.1} <= set(found.fits)
    assert "level: 0.001, where n of n votes give the largest radius; 0.001, " in str(audited(tmp_path, text, n=n))


def test_missing_and_doubled_images_are_named(tmp_path):
    text = lines()
    again = next(row for row in (line.split("\t") for line in text[1:9]) if row[2] != "-1")
    place = int(again[0]) // 20
    text = [*text[:9], *text[10:-2], "\t".join([*again[:2], "-1", "0.0", "0", again[5]])]
    found = audited(tmp_path, text, images=len(COUNT))
    assert found.step == 20 and found.missing.tolist() == [160] and found.doubled.tolist() == [place * 20]
    assert len(found.records) == len(COUNT) - 3 and found.absent == 3
    assert found.records.predict[place] == int(again[2])  # as it came first
    assert "images: 177 of 180 expected, 0 to 3540 in steps of 20; missing in between: 1 (image 160)" in str(found)
    assert f"more than once: 1 (image {place * 20})" in str(found)
    whole = audited(tmp_path, lines())
    assert (whole.absent, whole.missing.tolist(), whole.doubled.tolist()) == (0, [], [])
    assert audited(tmp_path, text).absent == 1


@pytest.mark.parametrize("index", [[3, 1, 4, 15, 92, 65], [7], [0, 1, 2, 2**62]])
def test_indices_without_a_step_tell_no_missing_image(tmp_path, index):
    text = lines(count=np.full(len(index), N))
    text[1:] = [f"{i}\t{line.partition(chr(9))[2]}" for i, line in zip(index, text[1:], strict=True)]
    found = audited(tmp_path, text)
    assert found.step == found.absent == 0 and "without a step that would tell a missing one" in str(found)


def mean(count, alpha):
    right = np.arange(len(count)) % 7 != 0
    return float(np.sum(np.maximum(radii(count, alpha), 0) * right) / len(count))


def test_what_another_level_leaves_is_what_the_votes_give(tmp_path):
    exactly = audited(tmp_path, lines(alpha=0.01, show="{}"))  # which is stated to be 0.001
    printed, again = exactly.curves
    assert mean_radius(printed) == pytest.approx(mean(COUNT, 0.01), rel=1e-7)
    assert mean_radius(again) == pytest.approx(mean(COUNT, 0.001), rel=1e-7) and again.alpha == 0.001
    assert exactly.to_dict()["mean radius again"] == mean_radius(again) < mean_radius(printed)
    assert exactly.abstained == np.sum(radii(COUNT, 0.01) < 0)
    coarse = audited(tmp_path, lines(alpha=0.01, show="{:.3}"), alpha=0.05, bound="kl-l2")
    assert coarse.curves[1].alpha == 0.05 and coarse.curves[1].bound.key == "kl-l2"
    sure = audited(tmp_path, lines(alpha=0.01, show="{:.3}"), alpha=0.05).curves[1]
    assert 0.98 * mean(COUNT, 0.05) < mean_radius(sure) <= mean(COUNT, 0.05)
    assert mean_radius(coarse.curves[1]) < mean_radius(sure)


def test_a_cut_line_is_told(tmp_path):
    found = audited(tmp_path, [*lines(), "3600\t1"])
    assert len(found.records) == len(COUNT) and "line 182, the last, was cut off" in found.notes[0]
    assert found.to_dict()["note"] in str(found)


def test_counts_are_read_as_they_are(tmp_path):
    header = Header(noises.to_dict(noises.Laplace(0.5, 64)), n0=10, n=1000, alpha=0.001)
    rows = [Row(i, 1, {1: 10}, {1: count, 0: 1000 - count}, 0.1) for i, count in ((0, 999), (2, 900), (6, 510))]
    found = audit(write(tmp_path / "ours.tsv", header, rows), alpha=0.05, images=5)
    assert found.levels is None and found.rounded_up == (0, 0) and found.missing.tolist() == []
    assert (found.abstained, found.absent, found.step) == (1, 2, 0)
    p = [stats.beta.ppf(level, 999, 2) for level in (0.001, 0.05)]
    assert [curve.radii.max() for curve in found.curves] == pytest.approx([-0.5 * np.log(2 * (1 - x)) for x in p])
    assert "l1, laplace-l1 at alpha 0.001  l1, laplace-l1 at alpha 0.05" in str(found)
    theirs = ["idx\tlabel\tpredict\tcount\tcorrect\ttime", "0\t1\t1\t999\t1\t0", "0\t1\t1\t999\t1\t0"]
    again = audit(put(tmp_path / "theirs.tsv", theirs), noises.Laplace(0.5), n=1000)
    assert again.curves[0].radii.max() == found.curves[0].radii.max() and again.doubled.tolist() == [0]
    bare = noises.GeneralizedGaussian(0.5, 4, 64)
    assert "no exact radius is known under this noise" in str(audit(tmp_path / "theirs.tsv", bare, n=1000))


def test_a_damaged_log_of_ours_is_refused_by_line(tmp_path):
    header = Header(noises.to_dict(GAUSSIAN), n0=10, n=1000, alpha=0.001)
    path = write(tmp_path / "ours.tsv", header, [Row(3, 1, {1: 10}, {1: 1000}, 0.1)])
    path.write_text(path.read_text() + path.read_text().splitlines()[-1] + "\n")
    with pytest.raises(ValueError, match="ours.tsv: line 4 must be another image, got index 3 again"):
        audit(path)


OTHER = {
    "idx\tlabel\tpredict\tcorrect\ttime\n": "is no certification log: its line 1 .* got 'idx label predict correct",
    "": "is no certification log: its line 1 must be the header of one of ours, or the columns .* got ''",
    "\x89PNG": "is no certification log",
    '{"a": 1}\n': "must be the header of a rsexplore-counts log",
    "\n".join(lines()): "does not say its noise, and is no published log that is known here",
}


@pytest.mark.parametrize(("text", "words"), OTHER.items())
def test_any_other_file_is_refused_by_name(tmp_path, text, words):
    path = tmp_path / "some.tsv"
    path.write_text(text)
    with pytest.raises(ValueError, match=f"some.tsv.*{words}"):
        audit(path)


def test_what_cannot_be_the_run_is_said(tmp_path):
    with pytest.raises(ValueError, match="more than 100 of 100 votes give .* is it the noise of this log"):
        audited(tmp_path, lines(), n=100)
    with pytest.raises(TypeError, match="Gaussian noise only, got Laplace"):
        audit(put(tmp_path / "theirs.tsv", lines()), noises.Laplace(5.0), n=N)
    with pytest.raises(ValueError, match="needs a proved bound, got kl-l2-printed"):
        audited(tmp_path, lines(), bound="kl-l2-printed")


def test_a_published_log_is_known_by_its_bytes(tmp_path, monkeypatch):
    path = put(tmp_path / "renamed.tsv", lines(show="{:.3}", count=np.full(30, N)))
    entry = dataclasses.replace(
        data.logs(kind="certify")[0], certify_sigma=SIGMA, n=N, expected_rows=31, alpha_found=0.05, alpha_stated=0.001,
        sha256=hashlib.sha256(path.read_bytes()).hexdigest(),
    )  # fmt: skip
    monkeypatch.setattr("rsexplore.data._registry", lambda: (entry,))
    found = audit(path)
    assert (found.expected, found.absent, found.records.header.alpha) == (31, 1, 0.001)
    assert found.records.noise.sigma == SIGMA and found.levels.told == 0.001
    assert audit(path, GAUSSIAN, n=N).expected == 0


# ---- the published logs ----


@pytest.mark.slow
def test_the_page_is_what_the_logs_prove_today(published_file):
    from reproduce import audits

    assert all(published_file(entry) for entry in data.logs(kind="certify"))  # or skip, by name
    command = "PYTHONPATH=notebooks python -m reproduce.audits"
    assert audits.page() == audits.PAGE.read_text(encoding="utf-8"), f"run: {command}"
    told = {entry.path: levels.told for entry, _, levels in audits.audits()}
    assert len(told) == 601 and list(told.values()).count(0.01) == 9
    # the registry's levels were found by other means, and it says none where it is not sure
    assert [e.path for e in data.logs(kind="certify") if e.alpha_found and told[e.path] != e.alpha_found] == []


def test_published_files_of_other_kinds_are_refused_by_name(published_file):
    others = [entry for entry in data.logs() if entry.kind != "certify"]
    for entry in others:
        with pytest.raises(records.LogHeaderError, match="is no certification log: its line 1 must be") as told:
            audit(published_file(entry))
        assert str(published_file(entry)) in str(told.value)
    assert len(others) == 155
