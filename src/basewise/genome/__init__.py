"""Genomes: fetched and checked, indexed, read base by base; their gaps, blacklists and names.

Bases are upper-case ASCII A C G T N in uint8 arrays once they are read; IUPAC codes count as N.
"""
