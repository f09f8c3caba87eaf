"""Certification by sampling: the only part that needs torch."""

# ruff: noqa: F401  what users call
from rsexplore.beyond import safetensors, torch, tqdm  # says what is missing
from rsexplore.log import LogInUseError
from rsexplore.montecarlo.attack import Perturbations, attack, predict
from rsexplore.montecarlo.certify import Progress, certify
from rsexplore.montecarlo.denoise import denoised
from rsexplore.montecarlo.engine import devices
from rsexplore.montecarlo.images import ImagesUnavailableError, cifar10, data_name, imagenet, load_images
from rsexplore.montecarlo.logits import ModelOutputError
from rsexplore.montecarlo.models import CheckpointError, card, digest, load_model, names, normalization
from rsexplore.montecarlo.networks import ARCHITECTURES, NORMALIZATIONS, CifarResNet, DigitsNet, Normalize, WideResNet
from rsexplore.montecarlo.rng import TorchRng
from rsexplore.montecarlo.runner import Accuracies, accuracies
from rsexplore.montecarlo.train import RECIPES, Recipe, recipe, train
