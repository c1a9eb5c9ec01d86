"""The teacher is the moving average and nothing else; the schedule and the scaling rule are their formulas."""

import copy
import math
from typing import Any

import pytest
import torch
from torch import nn

from speakerssl.errors import InputError
from speakerssl.methods import Batch, Plan
from speakerssl.methods.momentum import MomentumSchedule, build_momentum, follow, teacher_of

from .conftest import views_of


@pytest.mark.parametrize("name", ["moco", "byol", "dino", "sdpn"])
def test_teacher_follows_exactly(make, name: str) -> None:
    method = make(name, momentum=0.9, momentum_final=1.0)
    method.plan = Plan(steps_per_epoch=4, total_steps=20, kappa=2.0)
    optimizer = torch.optim.SGD([p for p in method.parameters() if p.requires_grad], lr=0.1)
    expected = [copy.deepcopy(teacher) for teacher, _ in method.teacher_student_pairs()]
    for step in range(3):
        optimizer.zero_grad()
        method(Batch(views_of(2, seed=step), torch.arange(16)), step).loss.backward()
        optimizer.step()
        method.after_step(step, 20)
        momentum = (1 - 0.1 * 0.5 * (1 + math.cos(math.pi * step / 20))) ** 2
        for slow, (_, student) in zip(expected, method.teacher_student_pairs()):
            for old, new in zip(slow.parameters(), student.parameters()):
                old.data = momentum * old.data + (1 - momentum) * new.data
    for slow, (teacher, _) in zip(expected, method.teacher_student_pairs()):
        for a, b in zip(slow.parameters(), teacher.parameters()):
            torch.testing.assert_close(a, b, rtol=1e-5, atol=1e-7)


def test_statistics_are_the_teachers_own_and_other_buffers_are_copied() -> None:
    student: Any = nn.Sequential(nn.Linear(3, 3), nn.BatchNorm1d(3))
    student.register_buffer("scale", torch.ones(2))
    teacher: Any = teacher_of(student)
    student(torch.randn(8, 3) + 5)
    student.scale += 1
    follow(teacher, student, 0.5)
    assert torch.equal(teacher.scale, torch.full((2,), 2.0))
    assert torch.equal(teacher[1].running_mean, torch.zeros(3))
    teacher(torch.randn(8, 3) + 5)  # in training mode
    assert (teacher[1].running_mean != 0).all()


def test_schedule_goes_from_start_to_final() -> None:
    schedule = MomentumSchedule(0.996, 1.0)
    assert schedule.at(0, 100) == pytest.approx(0.996)
    assert schedule.at(50, 100) == pytest.approx(0.998)
    assert schedule.at(100, 100) == pytest.approx(1.0)
    assert MomentumSchedule(0.999, 0.999).at(30, 100) == pytest.approx(0.999)


def test_a_step_of_kappa_forgets_as_much_as_kappa_steps() -> None:
    torch.manual_seed(0)
    student, large = nn.Linear(3, 2), nn.Linear(3, 2)
    small = copy.deepcopy(large)
    follow(large, student, MomentumSchedule(0.996, 0.996).at(0, 1, kappa=4))
    for _ in range(4):
        follow(small, student, 0.996)
    torch.testing.assert_close(large.weight, small.weight, rtol=1e-5, atol=1e-7)


def test_a_teacher_is_a_copy_without_gradients() -> None:
    student = nn.Sequential(nn.Linear(3, 3), nn.BatchNorm1d(3))
    teacher = teacher_of(student)
    assert not any(p.requires_grad for p in teacher.parameters())
    assert all(p.requires_grad for p in student.parameters())
    assert all(a.data_ptr() != b.data_ptr() for a, b in zip(teacher.parameters(), student.parameters()))


def test_momentum_out_of_range_is_refused() -> None:
    with pytest.raises(InputError, match="'momentum' must be a number from 0 to 1"):
        build_momentum({"momentum": 1.5}, 0.9, 1.0)
