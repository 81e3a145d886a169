"""What published data sets look like on disk: each file lists the clips of one layout."""
