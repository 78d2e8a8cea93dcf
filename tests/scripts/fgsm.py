"""Adversarial examples by the sign of the gradient (Goodfellow, Shlens, Szegedy, 2014)."""

import argparse
import os

import numpy as np

import tinygrad_cnn as torch
import tinygrad_cnn.nn as nn
import tinygrad_cnn.nn.functional as F
import tinygrad_cnn.optim as optim
from tinygrad_cnn.vision import datasets, transforms

parser = argparse.ArgumentParser()
parser.add_argument("--data", default="../data")
parser.add_argument("--pretrained", default="lenet_mnist_model.pth")
parser.add_argument("--epochs", type=int, default=2, help="of training, where there is no pretrained model")
parser.add_argument("--attacked", type=int, default=1000, help="how many images of the test set are attacked")
opt = parser.parse_args()

epsilons = [0, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3]
use_cuda = True
torch.manual_seed(42)


# LeNet
class Net(nn.Module):
    def __init__(self):
        super(Net, self).__init__()
        self.conv1 = nn.Conv2d(1, 10, kernel_size=5)
        self.conv2 = nn.Conv2d(10, 20, kernel_size=5)
        self.conv2_drop = nn.Dropout2d()
        self.fc1 = nn.Linear(320, 50)
        self.fc2 = nn.Linear(50, 10)

    def forward(self, x):
        x = F.relu(F.max_pool2d(self.conv1(x), 2))
        x = F.relu(F.max_pool2d(self.conv2_drop(self.conv2(x)), 2))
        x = x.view(-1, 320)
        x = F.relu(self.fc1(x))
        x = F.dropout(x, training=self.training)
        x = self.fc2(x)
        return F.log_softmax(x, dim=1)


print("CUDA Available: ", torch.cuda.is_available())
device = torch.device("cuda" if use_cuda and torch.cuda.is_available() else "cpu")

model = Net().to(device)

if not os.path.exists(opt.pretrained):
    train_loader = torch.utils.data.DataLoader(
        datasets.MNIST(opt.data, train=True, download=True, transform=transforms.ToTensor()),
        batch_size=64,
        shuffle=True,
    )
    optimizer = optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
    model.train()
    for epoch in range(opt.epochs):
        for i, (data, target) in enumerate(train_loader):
            data, target = data.to(device), target.to(device)
            optimizer.zero_grad()
            loss = F.nll_loss(model(data), target)
            loss.backward()
            optimizer.step()
            print("epoch %d batch %d loss %.5f" % (epoch, i, loss.item()))
    torch.save(model.state_dict(), opt.pretrained)

# what stands in the file
model.load_state_dict(torch.load(opt.pretrained, map_location="cpu", weights_only=True))

# in evaluation mode, since dropout would hide what the attack does
model.eval()

test_loader = torch.utils.data.DataLoader(
    datasets.MNIST(
        opt.data,
        train=False,
        download=True,
        transform=transforms.Compose(
            [
                transforms.ToTensor(),
            ]
        ),
    ),
    batch_size=1,
    shuffle=True,
)


def fgsm_attack(image, epsilon, data_grad):
    # the sign of each entry of the gradient
    sign_data_grad = data_grad.sign()
    # each pixel goes a step in the direction that makes the loss grow
    perturbed_image = image + epsilon * sign_data_grad
    # and stays a pixel
    perturbed_image = torch.clamp(perturbed_image, 0, 1)
    return perturbed_image


def test(model, device, test_loader, epsilon):
    correct = 0
    seen = 0
    adv_examples = []

    for data, target in test_loader:
        if seen == opt.attacked:
            break
        seen += 1
        data, target = data.to(device), target.to(device)
        data.requires_grad = True

        output = model(data)
        init_pred = output.max(1, keepdim=True)[1]
        if init_pred.item() != target.item():
            continue  # wrong already

        loss = F.nll_loss(output, target)
        model.zero_grad()
        loss.backward()

        data_grad = data.grad.data
        perturbed_data = fgsm_attack(data, epsilon, data_grad)

        output = model(perturbed_data)
        final_pred = output.max(1, keepdim=True)[1]
        if final_pred.item() == target.item():
            correct += 1
            if epsilon == 0 and len(adv_examples) < 5:
                adv_ex = perturbed_data.squeeze().detach().cpu().numpy()
                adv_examples.append((init_pred.item(), final_pred.item(), adv_ex))
        elif len(adv_examples) < 5:
            adv_ex = perturbed_data.squeeze().detach().cpu().numpy()
            adv_examples.append((init_pred.item(), final_pred.item(), adv_ex))

    final_acc = correct / float(seen)
    print("Epsilon: {}\tTest Accuracy = {} / {} = {}".format(epsilon, correct, seen, final_acc))
    return final_acc, adv_examples


accuracies = []
examples = []
for eps in epsilons:
    acc, ex = test(model, device, test_loader, eps)
    accuracies.append(acc)
    examples.append(ex)

for eps, row in zip(epsilons, examples):
    print(eps, " ".join("{} -> {} ({:.4f})".format(orig, adv, np.mean(ex)) for orig, adv, ex in row))
