"""Self-supervised methods: one file each, found by name."""

from speakerssl.methods.barlow import BarlowTwins
from speakerssl.methods.base import METHODS, Method, Plan, build_method
from speakerssl.methods.batch import Batch
from speakerssl.methods.byol import BYOL
from speakerssl.methods.cpc import CPC
from speakerssl.methods.deepcluster import DeepCluster
from speakerssl.methods.dino import DINO
from speakerssl.methods.lim import LIM
from speakerssl.methods.moco import MoCo
from speakerssl.methods.multiview import MultiView
from speakerssl.methods.sdpn import SDPN
from speakerssl.methods.simclr import SimCLR
from speakerssl.methods.simsiam import SimSiam
from speakerssl.methods.ssps import PositiveSampler
from speakerssl.methods.supervised import Supervised
from speakerssl.methods.swav import SwAV
from speakerssl.methods.vicreg import VICReg
from speakerssl.methods.wmse import WMSE

__all__ = [
    "BYOL",
    "CPC",
    "DINO",
    "LIM",
    "METHODS",
    "SDPN",
    "WMSE",
    "BarlowTwins",
    "Batch",
    "DeepCluster",
    "Method",
    "MoCo",
    "MultiView",
    "Plan",
    "PositiveSampler",
    "SimCLR",
    "SimSiam",
    "Supervised",
    "SwAV",
    "VICReg",
    "build_method",
]
