"""
What the run will take, before anything is fetched: snakemake --cores 1 estimate.

Inputs: the configuration, the table of assemblies, and what is known of the genomes by now.
Outputs: results/estimate.tsv; the log, and the screen, show it for people. --force makes it anew.
"""


rule estimate:
    input:
        assemblies=config["assemblies"],
    output:
        table="results/estimate.tsv",
    log:
        "logs/estimate/estimate.log",
    localrule: True
    conda:
        "../envs/model.yaml"
    params:
        config={key: value for key, value in config.items() if key != "assemblies"},
        rows=assemblies,
        known=get_known_sizes(),
    message:
        "Estimating what the run will take"
    script:
        "../scripts/estimate.py"
