"""Transfer learning: a resnet18 as a fixed feature extractor, and a new last layer for a folder of images."""

from __future__ import division, print_function

import argparse
import copy
import os
import time

import tinygrad_cnn as torch
import tinygrad_cnn.backends.cudnn as cudnn
import tinygrad_cnn.nn as nn
import tinygrad_cnn.optim as optim
import tinygrad_cnn.vision as torchvision
from tinygrad_cnn.optim import lr_scheduler
from tinygrad_cnn.vision import datasets, models, transforms

parser = argparse.ArgumentParser()
parser.add_argument("--data-dir", default="data/hymenoptera_data", help="a folder with train/CLASS/* and val/CLASS/*")
parser.add_argument("--weights", default="", help="a file with a resnet18's state; without it, random features")
parser.add_argument("--image-size", type=int, default=224)
parser.add_argument("--batch-size", type=int, default=4)
parser.add_argument("--workers", type=int, default=4)
parser.add_argument("--epochs", type=int, default=25)
args = parser.parse_args()

cudnn.benchmark = True
torch.manual_seed(0)

# flips and crops to train on, the middle to validate
data_transforms = {
    "train": transforms.Compose(
        [
            transforms.RandomResizedCrop(args.image_size, scale=(0.5, 1.0)),
            transforms.RandomHorizontalFlip(),
            transforms.ToTensor(),
            transforms.Normalize([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]),
        ]
    ),
    "val": transforms.Compose(
        [
            transforms.Resize(args.image_size * 8 // 7),
            transforms.CenterCrop(args.image_size),
            transforms.ToTensor(),
            transforms.Normalize([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]),
        ]
    ),
}

image_datasets = {x: datasets.ImageFolder(os.path.join(args.data_dir, x), data_transforms[x]) for x in ["train", "val"]}
dataloaders = {
    x: torch.utils.data.DataLoader(
        image_datasets[x], batch_size=args.batch_size, shuffle=True, num_workers=args.workers
    )
    for x in ["train", "val"]
}
dataset_sizes = {x: len(image_datasets[x]) for x in ["train", "val"]}
class_names = image_datasets["train"].classes
print(class_names, dataset_sizes)

device = torch.device("cuda:0" if torch.cuda.is_available() else "cpu")

inputs, classes = next(iter(dataloaders["train"]))
out = torchvision.utils.make_grid(inputs)
inp = out.numpy().transpose((1, 2, 0))
print("a batch as one picture:", inp.shape, [class_names[x] for x in classes])


def train_model(model, criterion, optimizer, scheduler, num_epochs=25):
    since = time.time()

    best_model_wts = copy.deepcopy(model.state_dict())
    best_acc = 0.0

    for epoch in range(num_epochs):
        print("Epoch {}/{}".format(epoch, num_epochs - 1))
        print("-" * 10)

        for phase in ["train", "val"]:
            if phase == "train":
                model.train()
            else:
                model.eval()

            running_loss = 0.0
            running_corrects = 0

            for inputs, labels in dataloaders[phase]:
                inputs = inputs.to(device)
                labels = labels.to(device)

                optimizer.zero_grad()

                # a graph only where it is needed
                with torch.set_grad_enabled(phase == "train"):
                    outputs = model(inputs)
                    _, preds = torch.max(outputs, 1)
                    loss = criterion(outputs, labels)

                    if phase == "train":
                        loss.backward()
                        optimizer.step()

                running_loss += loss.item() * inputs.size(0)
                running_corrects += torch.sum(preds == labels.data)
            if phase == "train":
                scheduler.step()

            epoch_loss = running_loss / dataset_sizes[phase]
            epoch_acc = running_corrects.double() / dataset_sizes[phase]

            print("{} Loss: {:.5f} Acc: {:.4f}".format(phase, epoch_loss, epoch_acc))

            if phase == "val" and epoch_acc > best_acc:
                best_acc = epoch_acc
                best_model_wts = copy.deepcopy(model.state_dict())

        print()

    assert time.time() >= since
    print("Best val Acc: {:4f}".format(best_acc))

    model.load_state_dict(best_model_wts)
    return model


model_conv = models.resnet18(weights=None)
if args.weights:
    model_conv.load_state_dict(torch.load(args.weights))
for param in model_conv.parameters():
    param.requires_grad = False

# parameters of new modules require grad
num_ftrs = model_conv.fc.in_features
model_conv.fc = nn.Linear(num_ftrs, len(class_names))

model_conv = model_conv.to(device)

criterion = nn.CrossEntropyLoss()

# the last layer alone is trained
optimizer_conv = optim.SGD(model_conv.fc.parameters(), lr=0.01, momentum=0.9)

# the learning rate falls by 10 every 7 epochs
exp_lr_scheduler = lr_scheduler.StepLR(optimizer_conv, step_size=7, gamma=0.1)

model_conv = train_model(model_conv, criterion, optimizer_conv, exp_lr_scheduler, num_epochs=args.epochs)

print("trained:", [name for name, p in model_conv.named_parameters() if p.requires_grad])
torch.save(model_conv.state_dict(), "finetuned.pth")
