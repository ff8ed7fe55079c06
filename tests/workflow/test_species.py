"""A model that does not know the species of an assembly warns once, before any job, and runs."""

TABLE = "assembly\tspecies\tfasta\ntoy\tDanio rerio\tdata/toy.fa.gz\n"


def test_another_species_warns_once(run_snakemake, make_directory):
    done = run_snakemake(make_directory(assemblies=TABLE), "--dry-run", "--quiet", "rules")
    assert done.returncode == 0, done.stdout
    lines = [line for line in done.stdout.splitlines() if "was trained on" in line]
    assert len(lines) == 1
    assert "assembly 'toy': segment_nt_toy was trained on" in lines[0]
    assert "not on zebrafish" in lines[0]


def test_no_species_no_warning(run_snakemake, make_directory):
    done = run_snakemake(make_directory(), "--dry-run", "--quiet", "rules")
    assert "was trained on" not in done.stdout
