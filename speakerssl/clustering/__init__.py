"""Embeddings to pseudo-speakers, and speaker labels that are probably wrong."""

from typing import TYPE_CHECKING

from speakerssl.lazy import lazy_exports

if TYPE_CHECKING:
    from speakerssl.clustering.agglomerative import agglomerate
    from speakerssl.clustering.cluster import ClusterOptions
    from speakerssl.clustering.ivector import IVectorExtractor
    from speakerssl.clustering.ivector_training import (
        IVectorOptions,
        extract_ivectors,
        load_extractor,
        train_ivectors,
    )
    from speakerssl.clustering.kmeans import spherical_kmeans
    from speakerssl.clustering.number import estimate_clusters
    from speakerssl.clustering.quality import normalized_mutual_information, purity, silhouette
    from speakerssl.clustering.suspects import Suspects, find_suspects
else:
    __getattr__, __dir__ = lazy_exports(
        __name__,
        {
            "agglomerative": ("agglomerate",),
            "cluster": ("ClusterOptions",),
            "ivector": ("IVectorExtractor",),
            "ivector_training": ("IVectorOptions", "extract_ivectors", "load_extractor", "train_ivectors"),
            "kmeans": ("spherical_kmeans",),
            "number": ("estimate_clusters",),
            "quality": ("normalized_mutual_information", "purity", "silhouette"),
            "suspects": ("Suspects", "find_suspects"),
        },
    )

__all__ = [
    "ClusterOptions",
    "IVectorExtractor",
    "IVectorOptions",
    "Suspects",
    "agglomerate",
    "estimate_clusters",
    "extract_ivectors",
    "find_suspects",
    "load_extractor",
    "normalized_mutual_information",
    "purity",
    "silhouette",
    "spherical_kmeans",
    "train_ivectors",
]
