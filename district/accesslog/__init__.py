"""Who was on line, when and from where: kept because the law asks, apart from everything else."""
